package import Gate

/// `/v1/billing/*` as Billing answers it; the links need no Stripe and are answered here.
package protocol BillingEndpoints: Sendable {
  /// Of the user, or of its tenant where it has one. Needs no Stripe.
  func status(user: String) async throws(BillingFailure) -> BillingStatus
  /// The URL of a Checkout session.
  func checkout(user: String, _ order: CheckoutOrder) async throws(BillingFailure) -> String
  /// The URL of a customer portal session.
  func portal(user: String, returnURL: String?) async throws(BillingFailure) -> String
  /// Takes back a scheduled cancellation.
  func reactivate(user: String, actor: String) async throws(BillingFailure) -> BillingStatus
  /// Newest first.
  func invoices(user: String) async throws(BillingFailure) -> [BillingInvoice]
  /// nil when nothing is going to be charged.
  func upcoming(user: String) async throws(BillingFailure) -> BillingInvoice?
}

/// Why billing could not answer.
package enum BillingFailure: Error, Sendable, Equatable {
  /// No Stripe key: 503.
  case notConfigured
  /// The account's state doesn't allow it (no customer, nothing to reactivate); for people: 409.
  case refused(String)
  /// A field that only billing can judge, such as a price that maps to nothing: 400.
  case invalid(field: String, message: String)
  /// Stripe answered an error, or not at all; the cause is for logs: 502.
  case stripe(String)
  case store(StoreError)
}

/// What a Checkout session is to sell.
package struct CheckoutOrder: Sendable, Equatable {
  /// Stripe's word for what a session does.
  package enum Mode: String, Sendable, CaseIterable { case subscription, payment }
  /// How often a plan is paid.
  package enum Interval: String, Sendable, CaseIterable { case month, year }
  /// A plan of the config file, or one of its prices.
  package enum Item: Sendable, Equatable {
    case plan(String, Interval)
    case price(String, Mode)
  }
  /// What is sold.
  package var item: Item
  /// 1 to 1,000,000.
  package var seats: Int64

  /// Makes an order.
  package init(item: Item, seats: Int64 = 1) {
    self.item = item
    self.seats = seats
  }
}

/// `GET /v1/billing/status`.
package struct BillingStatus: Sendable, Equatable {
  /// The plan in force; nil: none.
  package var plan: String?
  /// Stripe's word, or `none` without a subscription.
  package var status: String
  /// The subscription is live.
  package var isActive: Bool
  /// At least 1.
  package var seats: Int64
  /// When the next invoice is due.
  package var currentPeriodEnd: Instant?
  /// A cancellation is scheduled.
  package var cancelsAtPeriodEnd: Bool
  /// The plan's rights hold now, by subscription, grace or default.
  package var isPlanActive: Bool
  /// When they end, if that is known.
  package var planExpires: Instant?
  /// Why they don't hold.
  package var lockoutReason: String?
  /// `cus_…`.
  package var stripeCustomerID: String?
  /// `sub_…`.
  package var stripeSubscriptionID: String?
  /// `price_…`.
  package var priceID: String?

  /// Makes a status.
  package init(
    plan: String?, status: String, isActive: Bool, seats: Int64 = 1, currentPeriodEnd: Instant? = nil,
    cancelsAtPeriodEnd: Bool = false, isPlanActive: Bool, planExpires: Instant? = nil,
    lockoutReason: String? = nil, stripeCustomerID: String? = nil, stripeSubscriptionID: String? = nil,
    priceID: String? = nil
  ) {
    self.plan = plan
    self.status = status
    self.isActive = isActive
    self.seats = seats
    self.currentPeriodEnd = currentPeriodEnd
    self.cancelsAtPeriodEnd = cancelsAtPeriodEnd
    self.isPlanActive = isPlanActive
    self.planExpires = planExpires
    self.lockoutReason = lockoutReason
    self.stripeCustomerID = stripeCustomerID
    self.stripeSubscriptionID = stripeSubscriptionID
    self.priceID = priceID
  }
}

/// An invoice as the Billing tab lists it. Amounts are in the currency's smallest unit, as Stripe has them.
package struct BillingInvoice: Sendable, Equatable {
  /// nil of an upcoming one.
  package var id: String?
  /// As printed on it.
  package var number: String?
  /// Stripe's word.
  package var status: String?
  /// Three letters, lowercase.
  package var currency: String?
  /// What it asks for.
  package var amountDue: Int64
  /// What was paid of it.
  package var amountPaid: Int64
  /// When it was made.
  package var createdAt: Instant?
  /// The start of what it pays for.
  package var periodStart: Instant?
  /// The end of it.
  package var periodEnd: Instant?
  /// Stripe's page of it.
  package var hostedURL: String?
  /// The PDF.
  package var pdfURL: String?

  /// Makes an invoice.
  package init(
    id: String?, number: String? = nil, status: String?, currency: String?, amountDue: Int64,
    amountPaid: Int64 = 0, createdAt: Instant? = nil, periodStart: Instant? = nil,
    periodEnd: Instant? = nil, hostedURL: String? = nil, pdfURL: String? = nil
  ) {
    self.id = id
    self.number = number
    self.status = status
    self.currency = currency
    self.amountDue = amountDue
    self.amountPaid = amountPaid
    self.createdAt = createdAt
    self.periodStart = periodStart
    self.periodEnd = periodEnd
    self.hostedURL = hostedURL
    self.pdfURL = pdfURL
  }
}
