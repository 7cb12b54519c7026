/// The mirror of a Stripe subscription, as stored.
package struct StoredSubscription: Sendable, Equatable {
  /// `sub_…`.
  package var id: String
  /// `cus_…`.
  package var customer: String?
  /// Whose it is; nil while nobody is known to own it.
  package var account: AccountID?
  /// The plan in effect, and the price that it comes from. Within one period a lower plan waits for the
  /// next unless the plan says otherwise.
  package var plan: String?
  /// `price_…`.
  package var price: String?
  /// Stripe's word; an unknown one is kept as it is.
  package var status: String
  /// Sum of the quantities over plan prices, 1 to 1,000,000.
  package var seats: Int64
  /// The start of the period under way: it never goes back.
  package var currentPeriodStart: Instant?
  /// The end of it.
  package var currentPeriodEnd: Instant?
  /// It ends with the period under way.
  package var cancelAtPeriodEnd: Bool
  /// When it ends, where a day was set.
  package var cancelAt: Instant?
  /// The end of the trial, also of one that is over.
  package var trialEnd: Instant?
  /// The invoice that `status` speaks of: a `past_due` whose invoice is known to be paid is an old one.
  package var latestInvoice: String?
  /// When it was first seen `past_due`; the plan's grace counts from here.
  package var pastDueSince: Instant?

  /// Memberwise.
  package init(
    id: String, customer: String? = nil, account: AccountID? = nil, plan: String? = nil,
    price: String? = nil, status: String, seats: Int64 = 1, currentPeriodStart: Instant? = nil,
    currentPeriodEnd: Instant? = nil, cancelAtPeriodEnd: Bool = false, cancelAt: Instant? = nil,
    trialEnd: Instant? = nil, latestInvoice: String? = nil, pastDueSince: Instant? = nil
  ) {
    self.id = id
    self.customer = customer
    self.account = account
    self.plan = plan
    self.price = price
    self.status = status
    self.seats = seats
    self.currentPeriodStart = currentPeriodStart
    self.currentPeriodEnd = currentPeriodEnd
    self.cancelAtPeriodEnd = cancelAtPeriodEnd
    self.cancelAt = cancelAt
    self.trialEnd = trialEnd
    self.latestInvoice = latestInvoice
    self.pastDueSince = pastDueSince
  }
}

/// A period grant of a subscription, as stored.
package struct StoredPeriodGrant: Sendable, Equatable {
  /// Why a period grant is not live; what is suspended may come back, nothing else does.
  package enum Revocation: String, Sendable, CaseIterable {
    /// A later period's grant took its place.
    case superseded
    /// The subscription carries no plan at present.
    case suspended
    /// The payment behind it was given back.
    case refunded
    /// Anything else: an admin took it.
    case other
  }

  /// The row's number: `g<number>` in Redis.
  package var number: Int64
  /// Whose it is.
  package var account: AccountID
  /// 0 to 10¹⁵−1.
  package var tokens: Int64
  /// The period's start: its order among resets.
  package var periodStart: Instant
  /// The period's end; nil where it is not known.
  package var periodEnd: Instant?
  /// When it ends; nil: never.
  package var expiresAt: Instant?
  /// It is a trial's: the plan's trial tokens.
  package var isTrial: Bool
  /// `in_…`.
  package var invoice: String?
  /// nil: live, unless expired.
  package var revocation: Revocation?

  /// Memberwise.
  package init(
    number: Int64, account: AccountID, tokens: Int64, periodStart: Instant, periodEnd: Instant?,
    expiresAt: Instant?, isTrial: Bool = false, invoice: String? = nil, revocation: Revocation? = nil
  ) {
    self.number = number
    self.account = account
    self.tokens = tokens
    self.periodStart = periodStart
    self.periodEnd = periodEnd
    self.expiresAt = expiresAt
    self.isTrial = isTrial
    self.invoice = invoice
    self.revocation = revocation
  }
}

/// An account as billing sees it, with its subscriptions other than the one at hand.
package struct BillingAccount: Sendable, Equatable {
  /// Whose it is.
  package var account: AccountID
  /// `users.plan` or `tenants.plan`.
  package var plan: String?
  /// `cus_…`.
  package var customer: String?
  /// All but the one at hand, dead ones too.
  package var otherSubscriptions: [StoredSubscription]

  /// Memberwise.
  package init(
    account: AccountID, plan: String? = nil, customer: String? = nil,
    otherSubscriptions: [StoredSubscription] = []
  ) {
    self.account = account
    self.plan = plan
    self.customer = customer
    self.otherSubscriptions = otherSubscriptions
  }
}

/// One way to find an account, tried in the order in which an event gives them.
package enum OwnerClue: Sendable, Hashable {
  case user(String)
  case tenant(String)
  /// `client_reference_id`: a user's id, else a tenant's.
  case reference(String)
  case subscription(String)
  case customer(String)
  /// Fits only where exactly one user has it, in any case of letters.
  case email(String)

  /// As an unmatched event keeps it, to be found when what it names appears.
  package var texts: [String] {
    switch self {
    case .user(let id): ["user:\(id)"]
    case .tenant(let id): ["tenant:\(id)"]
    case .reference(let id): ["user:\(id)", "tenant:\(id)"]
    case .subscription(let id): ["subscription:\(id)"]
    case .customer(let id): ["customer:\(id)"]
    case .email(let email): ["email:\(email.lowercased())"]
    }
  }
}

/// What has to be read before an event can be decided on.
package struct BillingQuestion: Sendable, Equatable {
  /// Clues to whose it is, best first.
  package var owner: [OwnerClue]
  /// `sub_…`; nil where it is about none.
  package var subscription: String?
  /// Prices whose plans are needed.
  package var prices: [String]
  /// Invoices of which it matters whether they are paid.
  package var invoices: [String]
  /// Payments, charges, invoices and sessions by which a purchase is looked up that is to be taken back.
  package var payments: [String]

  /// Memberwise.
  package init(
    owner: [OwnerClue] = [], subscription: String? = nil, prices: [String] = [], invoices: [String] = [],
    payments: [String] = []
  ) {
    self.owner = owner
    self.subscription = subscription
    self.prices = prices
    self.invoices = invoices
    self.payments = payments
  }

  /// Everything whose appearance may make an unmatched event match.
  package var waitsFor: [String] {
    let texts =
      owner.flatMap(\.texts) + prices.map { "price:\($0)" } + payments.map { "payment:\($0)" }
    return Set(texts).sorted()
  }
}

/// What was read, under the subscription's lock.
package struct BillingFacts: Sendable, Equatable {
  /// The account that the clues lead to.
  package var owner: BillingAccount?
  /// The stored subscription's account, when the event names another one.
  package var formerOwner: BillingAccount?
  /// The mirror row.
  package var subscription: StoredSubscription?
  /// Period grants of the subscription, latest period first; the revoked and expired ones too.
  package var grants: [StoredPeriodGrant]
  /// `plan_price_map`, for the prices asked for.
  package var plans: [String: String]
  /// Those of the invoices asked for that are known to be paid.
  package var paidInvoices: Set<String>
  /// What the payments asked for bought.
  package var purchases: [Purchase]
  /// The invoices that the payments asked for are known to have paid, whether they were seen yet or not.
  package var paidFor: [String]
  /// One of those invoices was seen, though it may have granted nothing that could be taken back.
  package var isPaymentKnown: Bool

  /// A grant source that a payment led to.
  package struct Purchase: Sendable, Hashable {
    /// `invoice` or `checkout`.
    package var source: String
    /// `in_…` or `cs_…`.
    package var reference: String
    /// Whose it is.
    package var account: AccountID
    /// Memberwise.
    package init(source: String, reference: String, account: AccountID) {
      self.source = source
      self.reference = reference
      self.account = account
    }
  }

  /// Memberwise.
  package init(
    owner: BillingAccount? = nil, formerOwner: BillingAccount? = nil,
    subscription: StoredSubscription? = nil, grants: [StoredPeriodGrant] = [],
    plans: [String: String] = [:], paidInvoices: Set<String> = [], purchases: [Purchase] = [],
    paidFor: [String] = [], isPaymentKnown: Bool = false
  ) {
    self.owner = owner
    self.formerOwner = formerOwner
    self.subscription = subscription
    self.grants = grants
    self.plans = plans
    self.paidInvoices = paidInvoices
    self.purchases = purchases
    self.paidFor = paidFor
    self.isPaymentKnown = isPaymentKnown
  }
}
