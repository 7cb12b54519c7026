extension StripeAccount {
  /// An invoice of a subscription.
  package struct Invoice: Sendable, Equatable, Codable {
    /// Stripe's words.
    package enum Status: String, Sendable, Codable {
      case draft, open, paid, void, uncollectible
    }
    /// Stripe's words.
    package enum Reason: String, Sendable, Codable {
      case create = "subscription_create"
      case cycle = "subscription_cycle"
      case update = "subscription_update"
      case upcoming
    }

    /// One line.
    package struct Line: Sendable, Equatable, Codable {
      /// `il_…`.
      package var id: String
      package var amount: Int64
      package var price: Price
      package var quantity: Int64
      package var periodStart: Int64
      package var periodEnd: Int64
      package var isProration = false
      package var description: String
      /// Where the subscription is; the invoice item behind it, for prorations.
      package var subscription: String
      package var subscriptionItem: String
      package var invoiceItem: String?
      package var metadata: [String: String] = [:]
    }

    /// `in_…`.
    package var id: String
    package var customer: String
    package var customerEmail: String?
    package var customerName: String?
    package var subscription: String
    package var subscriptionMetadata: [String: String]
    package var status = Status.draft
    package var reason: Reason
    package var lines: [Line]
    package var currency: String
    package var created: Int64
    /// The period before, during which its items came together; not what it pays for.
    package var periodStart: Int64
    package var periodEnd: Int64
    package var discount: Int64 = 0
    package var startingBalance: Int64 = 0
    package var endingBalance: Int64?
    package var amountPaid: Int64 = 0
    package var isPaidOutOfBand = false
    package var number: String?
    package var attempts: Int64 = 0
    package var wasAttempted = false
    package var autoAdvance = true
    package var sendsInvoice = false
    package var dueDate: Int64?
    /// When a draft is finalized, and when an open one is tried again.
    package var finalizesAt: Int64?
    package var nextAttempt: Int64?
    package var finalizedAt: Int64?
    package var paidAt: Int64?
    package var voidedAt: Int64?
    package var uncollectibleAt: Int64?
    package var paymentIntent: String?
    package var charge: String?
    package var metadata: [String: String] = [:]
    package var isPreview = false

    package var subtotal: Int64 { lines.reduce(0) { $0 + $1.amount } }
    package var total: Int64 { subtotal - discount }
    /// What is left of the total once the customer's balance is applied.
    package var amountDue: Int64 { max(0, total + startingBalance) }
    package var amountRemaining: Int64 { status == .paid ? 0 : amountDue - amountPaid }
  }

  /// A proration that waits for the next invoice.
  package struct PendingItem: Sendable, Equatable, Codable {
    package var id: String
    package var line: Invoice.Line
  }
}
