/// What the store knew of an event when it was claimed.
package enum WebhookClaim: Sendable, Equatable {
  /// Now claimed: new, or failed or unmatched before.
  case claimed
  /// Processed or ignored before. What is left is to see that Redis knows of it: the delivery that committed
  /// it may have died before it told, or be about to. The accounts are those that it may have changed.
  case done(accounts: [AccountID])
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
  /// What it is about, for people who look for it; nil where the envelope doesn't say.
  package var about = About()

  /// What an envelope says of its event.
  package struct About: Sendable, Equatable {
    /// The id of `data.object`: `in_…`, `sub_…`.
    package var object: String?
    /// `cus_…`.
    package var customer: String?
    /// The version that the object is written in.
    package var apiVersion: String?
    /// Of live mode; nil where it doesn't say.
    package var isLive: Bool?
    /// When it happened, by Stripe's clock.
    package var createdAt: Instant?
    /// Knows nothing.
    package init() {}
  }

  /// Memberwise.
  package init(
    id: String, type: String, payload: String, receivedAt: Instant, about: About = About()
  ) {
    self.id = id
    self.type = type
    self.payload = payload
    self.receivedAt = receivedAt
    self.about = about
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

/// What is kept of an event beside its outcome.
package struct WebhookTrail: Sendable, Equatable {
  /// Whose entitlement it may have changed: another delivery of it makes sure that Redis knows of them.
  package var accounts: [AccountID]
  /// Of an unmatched one: what may make it match, as ``OwnerClue/texts`` and ``BillingQuestion/waitsFor`` put it.
  package var waitsFor: [String]

  /// Memberwise.
  package init(accounts: [AccountID] = [], waitsFor: [String] = []) {
    self.accounts = accounts
    self.waitsFor = waitsFor
  }
}

/// Something has appeared that an unmatched event waits for.
package struct AppearedClue: Sendable, Equatable {
  /// Its place in the queue.
  package var id: Int64
  /// As ``WebhookTrail/waitsFor`` has it.
  package var text: String

  /// Memberwise.
  package init(id: Int64, text: String) {
    self.id = id
    self.text = text
  }
}

/// How a claimed event ended, to be stored with it.
package struct WebhookEnd: Sendable {
  package var receipt: WebhookReceipt
  package var outcome: WebhookOutcome
  package var trail: WebhookTrail

  /// Memberwise.
  package init(receipt: WebhookReceipt, outcome: WebhookOutcome, trail: WebhookTrail) {
    self.receipt = receipt
    self.outcome = outcome
    self.trail = trail
  }
}

/// What one event leads to.
package struct BillingChange: Sendable {
  /// In their order.
  package var actions: [BillingAction]
  /// Why, for the audit log: the event's id.
  package var reason: String

  /// Memberwise.
  package init(_ actions: [BillingAction], reason: String) {
    self.actions = actions
    self.reason = reason
  }
}

/// One open transaction of the billing store. Each call takes as many events as are at hand, since a statement
/// costs about the same for one and for thirty.
package protocol BillingTransaction {
  /// Waits for whoever is at one of these events or holds one of the names, keeps both until the transaction
  /// ends, and reads what became of the events: of several that claim the same one at once, one gets it. No id
  /// twice; the answers are in the order of the ids. Whoever claims has the outbox applied before it answers.
  func claim(_ eventIDs: [String], locks: [String]) async throws(StoreError) -> [WebhookClaim]
  /// Waits for the advisory locks of these names (sorted, so that no two transactions wait for each other),
  /// held until the transaction ends. Whoever takes them has the outbox applied before it answers.
  func lock(_ names: [String]) async throws(StoreError)
  /// Reads what events need, and locks the rows of the accounts found; in the order of the questions.
  func facts(_ questions: [BillingQuestion]) async throws(StoreError) -> [BillingFacts]
  /// Writes. The changes are of different subscriptions and accounts. Each change of a grant or plan has its
  /// audit line; triggers raise versions and write the outbox.
  func perform(_ changes: [BillingChange]) async throws(StoreError)
  /// Stores claimed events with what became of them. Throws when one of them was done meanwhile after all, by
  /// whoever asked for no claim.
  func finish(_ ends: [WebhookEnd]) async throws(StoreError)
}

extension BillingTransaction {
  /// What one event needs.
  package func facts(_ question: BillingQuestion) async throws(StoreError) -> BillingFacts {
    try await facts([question])[0]
  }
}

/// Postgres, as Billing uses it.
package protocol BillingStore: Sendable {
  /// Runs `body` in one transaction: committed when it returns, rolled back when it throws. It may run
  /// again where another transaction was in its way, so it must do nothing else.
  func transaction<Result: Sendable>(
    _ body: @Sendable (any BillingTransaction) async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result

  /// Stores that an event could not be processed; one that another delivery has brought further stays so.
  func recordFailure(_ event: WebhookReceipt, detail: String) async throws(StoreError)
  /// A stored event with its payload; nil when there is none.
  func receipt(_ id: String) async throws(StoreError) -> WebhookReceipt?
  /// Stores an object of Stripe's, found otherwise than by an event, as an unmatched event.
  func keepUnmatched(
    _ receipt: WebhookReceipt, detail: String, waitsFor: [String]
  ) async throws(StoreError)
  /// Unmatched events, those tried least often first. With `waitingFor`, those that wait for one of the
  /// texts. At most `limit`.
  func unmatched(waitingFor: [String]?, limit: Int) async throws(StoreError) -> [WebhookReceipt]
  /// What has appeared, by any hand, that unmatched events wait for; oldest first, at most `limit`.
  func appearedClues(limit: Int) async throws(StoreError) -> [AppearedClue]
  /// Takes them out of the queue, once the events that waited for them were tried.
  func forgetClues(_ ids: [Int64]) async throws(StoreError)
  /// Adds the catalog's prices to `plan_price_map`; a price that is mapped already stays as it is, for the
  /// table is the operator's.
  func seedPrices(_ plans: [String: String]) async throws(StoreError)
  /// `plan_price_map`: price → plan, at most 1,000.
  func pricePlans() async throws(StoreError) -> [String: String]

  /// What `GET /v1/billing/status` tells of: the tenant for a user that has one with a subscription or
  /// plan, else the user. nil when there is no such user.
  func billingAccount(user: String) async throws(StoreError) -> BillingStatusFacts?
  /// The payment history of an account, newest first.
  func invoices(of account: AccountID, limit: Int) async throws(StoreError) -> [InvoiceSummary]
  /// Drops events that are `processed` or `ignored` and older than `settledDays`, and any that are older than
  /// `openDays`; how many.
  func pruneEvents(settledDays: Int64, openDays: Int64) async throws(StoreError) -> Int64
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
