/// One write that an event leads to; all those of an event happen in its transaction, in order.
package enum BillingAction: Sendable, Equatable {
  /// Inserts or replaces the mirror row.
  case saveSubscription(StoredSubscription)
  /// Remembers that an invoice is paid, and the payments by which it may be refunded.
  case noteInvoicePaid(invoice: String, subscription: String, payments: [String])
  /// Remembers by which payments an invoice was paid.
  case notePayments(invoice: String, payments: [String])
  /// Writes the payment history: what is paid or void stays so, whatever comes late.
  case recordInvoice(InvoiceRecord)
  /// Grants a period of a subscription, and supersedes the live grants of its earlier periods. Does
  /// nothing where that period was granted before.
  case grantPeriod(NewPeriodGrant)
  /// Changes what a period grant allows; what was used of it stays used.
  case setGrantTokens(number: Int64, tokens: Int64, isTrial: Bool)
  /// Suspends the live period grants of a subscription that carries no plan any more.
  case suspendGrants(subscription: String)
  /// Takes a suspended grant back into force.
  case restoreGrant(number: Int64)
  /// Of several live subscriptions of an account one speaks: the grants of the others are suspended, and the
  /// latest of its own is taken back into force, unless it has expired by `now`.
  case letSpeak(AccountID, subscription: String, now: Instant)
  /// Revokes the subscription's grants and cuts them loose, before another account is given them.
  case detachGrants(subscription: String)
  case setPlan(AccountID, plan: String?)
  /// Fills in the Stripe customer of an account that has none.
  case linkCustomer(AccountID, customer: String)
  /// The customer is gone at Stripe.
  case unlinkCustomer(String)
  /// Grants a top-up once per session.
  case grantTopUp(NewTopUp)
  /// Revokes what an invoice or session granted; what was used of it stays used.
  case takeBack(BillingFacts.Purchase, reason: String)
  /// Leaves an audit line and changes nothing else: `action` is a dotted verb, `about` what it is about.
  case note(AccountID, action: String, about: [String: String])

  /// It is kept for the record, and changes nothing that an account may do.
  package var isForTheRecord: Bool {
    switch self {
    case .noteInvoicePaid, .notePayments, .recordInvoice, .note: true
    default: false
    }
  }
}

/// A line of an account's payment history.
package struct InvoiceRecord: Sendable, Equatable {
  /// `in_…`, or `cs_…` of a purchase without an invoice.
  package var id: String
  /// Whose it is.
  package var account: AccountID
  /// `cus_…`.
  package var customer: String?
  /// `sub_…`; nil of a single purchase.
  package var subscription: String?
  /// What is shown of it.
  package var summary: InvoiceSummary

  /// Memberwise.
  package init(
    id: String, account: AccountID, customer: String?, subscription: String?, summary: InvoiceSummary
  ) {
    self.id = id
    self.account = account
    self.customer = customer
    self.subscription = subscription
    self.summary = summary
  }
}

/// A period grant to be made.
package struct NewPeriodGrant: Sendable, Equatable {
  /// Whose it is.
  package var account: AccountID
  /// `sub_…`.
  package var subscription: String
  /// `in_…`.
  package var invoice: String?
  /// 0 to 10¹⁵−1.
  package var tokens: Int64
  /// The period's start: its order among resets.
  package var periodStart: Instant
  /// The end of it.
  package var periodEnd: Instant
  /// The period's end and the plan's grace: Stripe charges a renewal about an hour after the period rolls.
  package var expiresAt: Instant
  /// It is a trial's: the plan's trial tokens.
  package var isTrial: Bool

  /// Memberwise.
  package init(
    account: AccountID, subscription: String, invoice: String?, tokens: Int64, periodStart: Instant,
    periodEnd: Instant, expiresAt: Instant, isTrial: Bool = false
  ) {
    self.account = account
    self.subscription = subscription
    self.invoice = invoice
    self.tokens = tokens
    self.periodStart = periodStart
    self.periodEnd = periodEnd
    self.expiresAt = expiresAt
    self.isTrial = isTrial
  }
}

/// A top-up grant to be made.
package struct NewTopUp: Sendable, Equatable {
  /// Whose it is.
  package var account: AccountID
  /// `cs_…`.
  package var session: String
  /// 1 to 10¹⁵−1.
  package var tokens: Int64
  /// When it ends; nil: never.
  package var expiresAt: Instant?
  /// Payments by which it may be refunded.
  package var payments: [String]

  /// Memberwise.
  package init(
    account: AccountID, session: String, tokens: Int64, expiresAt: Instant?, payments: [String] = []
  ) {
    self.account = account
    self.session = session
    self.tokens = tokens
    self.expiresAt = expiresAt
    self.payments = payments
  }
}
