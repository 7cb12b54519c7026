extension StripeAccount {
  /// A subscription.
  package struct Subscription: Sendable, Equatable, Codable {
    /// Stripe's words.
    package enum Status: String, Sendable, Codable {
      case incomplete, trialing, active, unpaid, canceled, paused
      case incompleteExpired = "incomplete_expired"
      case pastDue = "past_due"
    }

    /// One price of it, with its quantity.
    package struct Item: Sendable, Equatable, Codable {
      /// `si_…`.
      package var id: String
      package var price: Price
      package var quantity: Int64
      package var created: Int64
      package var metadata: [String: String] = [:]
    }

    /// Collection is paused; the status stays what it is.
    package struct Pause: Sendable, Equatable, Codable {
      /// What becomes of invoices meanwhile.
      package enum Behavior: String, Sendable, Codable {
        case keepAsDraft = "keep_as_draft"
        case markUncollectible = "mark_uncollectible"
        case void
      }
      package var behavior: Behavior
      package var resumesAt: Int64?

      /// A pause, up to a time or without end.
      package init(_ behavior: Behavior, resumesAt: Int64? = nil) {
        self.behavior = behavior
        self.resumesAt = resumesAt
      }
    }

    /// What happens at the end of a trial without a payment method.
    package enum TrialEnd: String, Sendable, Codable {
      case createInvoice = "create_invoice"
      case cancel, pause
    }

    /// `sub_…`.
    package var id: String
    package var customer: String
    package var status: Status
    package var items: [Item]
    package var created: Int64
    package var billingCycleAnchor: Int64
    /// Of the current period, in Unix seconds.
    package var periodStart: Int64
    package var periodEnd: Int64
    package var cancelAtPeriodEnd = false
    package var cancelAt: Int64?
    package var canceledAt: Int64?
    package var endedAt: Int64?
    package var cancellationReason: String?
    package var trialStart: Int64?
    package var trialEnd: Int64?
    package var atTrialEnd = TrialEnd.createInvoice
    package var pause: Pause?
    package var metadata: [String: String] = [:]
    package var latestInvoice: String?
    package var sendsInvoice = false
    package var daysUntilDue: Int64?
    package var description: String?
    /// The discount on its first invoice, of a code that was entered at checkout.
    package var isFirstInvoiceFree = false
    /// Events are held back until its creation was told.
    package var isAnnounced = false
    /// Of this moment's trial end, or renewal, a warning was sent.
    package var warnedTrialEnd: Int64?
    package var warnedPeriodEnd: Int64?

    /// Final: nothing changes any more.
    package var isOver: Bool { status == .canceled || status == .incompleteExpired }
    package var price: Price? { items.first?.price }
    package var total: Int64 { items.reduce(0) { $0 + $1.price.amount * $1.quantity } }
    package var currency: String { price?.currency ?? "usd" }
    /// All items recur alike.
    func next(after time: Int64) -> Int64 {
      guard let price, let interval = price.interval else { return time }
      return BillingCalendar.next(
        after: time, anchor: billingCycleAnchor, every: price.intervalCount, interval)
    }
  }
}
