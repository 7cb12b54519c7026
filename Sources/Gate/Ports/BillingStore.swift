/// What the store knew of an event when it was claimed.
package enum WebhookClaim: Sendable, Equatable {
  /// Now claimed: new, or failed or unmatched before.
  case claimed
  /// Processed or ignored before: nothing is left to do.
  case done
}

/// A Stripe event to be stored.
package struct WebhookReceipt: Sendable, Equatable {
  /// `evt_…`.
  package var id: String
  /// Stripe's name of what happened: `invoice.paid`.
  package var type: String
  /// The body as it was received.
  package var payload: String
  /// When it came.
  package var receivedAt: Instant

  /// Memberwise.
  package init(id: String, type: String, payload: String, receivedAt: Instant) {
    self.id = id
    self.type = type
    self.payload = payload
    self.receivedAt = receivedAt
  }
}

/// How an event ended.
package enum WebhookOutcome: Sendable, Equatable {
  case processed
  /// Stored, and of no effect.
  case ignored(String)
  /// Kept until an account or price appears that fits; the text says what is missing.
  case unmatched(String)
  /// To be done again; the text says why.
  case failed(String)

  /// As in `webhook_events_processed.status`.
  package var status: String {
    switch self {
    case .processed: "processed"
    case .ignored: "ignored"
    case .unmatched: "unmatched"
    case .failed: "failed"
    }
  }
  /// As in `webhook_events_processed.detail`.
  package var detail: String? {
    switch self {
    case .processed: nil
    case .ignored(let text), .unmatched(let text), .failed(let text): text
    }
  }
}

/// One open transaction of the billing store.
package protocol BillingTransaction {
  /// Inserts the event, or waits for the transaction that is about to and reads what became of it. Of
  /// several that claim the same event at once, one gets it.
  func claim(_ event: WebhookReceipt) async throws(StoreError) -> WebhookClaim
  /// Waits for the advisory locks of these names (sorted, so that no two transactions wait for each other),
  /// held until the transaction ends.
  func lock(_ names: [String]) async throws(StoreError)
  /// Reads what the event needs, and locks the rows of the accounts found.
  func facts(_ question: BillingQuestion) async throws(StoreError) -> BillingFacts
  /// Writes. Each change of a grant or plan has its audit line with this reason (the event's id); triggers
  /// raise versions and write the outbox.
  func perform(_ actions: [BillingAction], reason: String) async throws(StoreError)
  func finish(event id: String, _ outcome: WebhookOutcome) async throws(StoreError)
}

/// Postgres, as Billing uses it.
package protocol BillingStore: Sendable {
  /// Runs `body` in one transaction: committed when it returns, rolled back when it throws. It may run
  /// again where another transaction was in its way, so it must do nothing else.
  func transaction<Result: Sendable>(
    _ body: @Sendable (any BillingTransaction) async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result

  /// Stores that an event has to be processed again. `wasCommitted`: its writes are stored and only Redis
  /// has not learned of them; otherwise an event that another delivery has processed meanwhile stays so.
  func recordFailure(
    _ event: WebhookReceipt, detail: String, wasCommitted: Bool
  ) async throws(StoreError)
  /// A stored event with its payload; nil when there is none.
  func receipt(_ id: String) async throws(StoreError) -> WebhookReceipt?
  /// Unmatched events, those tried longest ago first. With `mentioning`, those whose payload has one of the
  /// texts. At most `limit`.
  func unmatched(mentioning: [String]?, limit: Int) async throws(StoreError) -> [WebhookReceipt]
  /// Adds the catalog's prices to `plan_price_map`; a price that is mapped already stays as it is, for the
  /// table is the operator's.
  func seedPrices(_ plans: [String: String]) async throws(StoreError)

  /// What `GET /v1/billing/status` tells of: the tenant for a user that has one with a subscription or
  /// plan, else the user. nil when there is no such user.
  func billingAccount(user: String) async throws(StoreError) -> BillingStatusFacts?
}

/// The account that speaks for a user, and its subscription.
package struct BillingStatusFacts: Sendable, Equatable {
  /// Whose it is.
  package var account: AccountID
  /// The stored plan.
  package var plan: String?
  /// `cus_…`.
  package var customer: String?
  /// The user's.
  package var email: String?
  /// Without a subscription: the tenant's seats, 1 for a user.
  package var seats: Int64
  /// The live one of the highest period, else the last one.
  package var subscriptions: [StoredSubscription]

  /// Memberwise.
  package init(
    account: AccountID, plan: String?, customer: String?, email: String?, seats: Int64,
    subscriptions: [StoredSubscription]
  ) {
    self.account = account
    self.plan = plan
    self.customer = customer
    self.email = email
    self.seats = seats
    self.subscriptions = subscriptions
  }
}
