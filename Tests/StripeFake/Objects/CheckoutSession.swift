extension StripeAccount {
  /// A Checkout session.
  package struct CheckoutSession: Sendable, Equatable, Codable {
    /// Stripe's words.
    package enum Mode: String, Sendable, Codable { case subscription, payment }
    package enum Status: String, Sendable, Codable { case open, complete, expired }
    package enum PaymentStatus: String, Sendable, Codable {
      case paid, unpaid
      case noPaymentRequired = "no_payment_required"
    }
    /// What is bought.
    package struct Item: Sendable, Equatable, Codable {
      package var id: String
      package var price: Price
      package var quantity: Int64
    }

    /// `cs_test_…`.
    package var id: String
    package var mode: Mode
    package var items: [Item]
    package var created: Int64
    package var expiresAt: Int64
    package var status = Status.open
    package var paymentStatus = PaymentStatus.unpaid
    package var customer: String?
    package var customerEmail: String?
    package var email: String?
    package var clientReference: String?
    package var metadata: [String: String] = [:]
    package var subscriptionMetadata: [String: String] = [:]
    package var paymentMetadata: [String: String] = [:]
    package var trialDays: Int64?
    package var trialEnd: Int64?
    package var successURL: String?
    package var cancelURL: String?
    /// Where a person pays.
    package var url: String
    package var subscription: String?
    package var invoice: String?
    package var paymentIntent: String?
    package var discount: Int64 = 0
    /// A delayed payment settles then.
    package var settlesAt: Int64?
    package var needsAddress = false

    package var subtotal: Int64 { items.reduce(0) { $0 + $1.price.amount * $1.quantity } }
    package var isTrial: Bool { trialDays != nil || trialEnd != nil }
    /// What is to be paid now: nothing for a trial.
    package var total: Int64 { isTrial && mode == .subscription ? 0 : subtotal - discount }
    package var currency: String { items.first?.price.currency ?? "usd" }
  }

  /// How a person ends a Checkout page.
  package enum CheckoutPayment: Sendable, Equatable {
    case card
    /// The card is refused: the session stays open.
    case declined(String)
    /// A bank debit: complete, but not paid until it settles.
    case delayed
    /// A code that takes the whole price off.
    case free
  }
}
