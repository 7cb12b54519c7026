/// The accounts as the control plane reads and changes them. Each change runs in one transaction with its
/// audit entry, its version step and its outbox row; the caller then has the outbox applied
/// (``OutboxApplying``) before it answers.
package protocol AccountStore: Sendable {
  // Users and tenants.
  func putUser(_ id: String, _ change: UserChange, actor: String) async throws(StoreError) -> User
  func user(_ id: String) async throws(StoreError) -> User?
  func users(_ filter: UserFilter, _ page: PageRequest) async throws(StoreError) -> Page<User>
  func putTenant(_ id: String, _ change: TenantChange, actor: String) async throws(StoreError) -> Tenant
  func tenant(_ id: String) async throws(StoreError) -> Tenant?
  func tenants(_ filter: UserFilter, _ page: PageRequest) async throws(StoreError) -> Page<Tenant>

  // Tokens. The caller makes the token; only its hash comes here.
  func issueToken(
    user: String, hash: TokenHash, label: String?, expiresAt: Instant?, actor: String
  ) async throws(StoreError) -> ExtensionToken
  func tokens(user: String, _ page: PageRequest) async throws(StoreError) -> Page<ExtensionToken>
  /// Of all users, newest first; with `owner`, of those that a search for it finds (``UserFilter/query``).
  func allTokens(owner: String?, _ page: PageRequest) async throws(StoreError) -> Page<ExtensionToken>
  /// False when there is no such token (or it is not `user`'s, where one is named).
  func revokeToken(id: String, ofUser user: String?, actor: String) async throws(StoreError) -> Bool
  /// Issues a successor and lets the old token expire after `overlapSeconds` (0: at once).
  func rotateToken(
    id: String, hash: TokenHash, overlapSeconds: Int64, actor: String
  ) async throws(StoreError) -> ExtensionToken

  // Grants and resets.
  func addGrant(to account: AccountID, _ grant: NewGrant, actor: String) async throws(StoreError) -> Grant
  /// False when there is no such live grant.
  func revokeGrant(
    _ reference: Grant.Reference, of account: AccountID, actor: String
  ) async throws(StoreError) -> Bool
  /// Replaces the period grant: a new one of `tokens` from `start` to `end`.
  func resetPeriod(
    of account: AccountID, tokens: Int64, start: Instant, end: Instant?, reason: String, actor: String
  ) async throws(StoreError) -> Grant

  // Limits of single users.
  /// By feature and limit, those that have run out included; none for a user that there isn't.
  func limitOverrides(user: String) async throws(StoreError) -> [LimitOverrideRecord]
  /// Sets or replaces the user's own limit. Throws `notFound` without the user, `invalid` for a value that
  /// its limit can't take, `conflict` past ``Limits/limitOverridesMax``.
  func putLimitOverride(
    _ override: LimitOverride, user: String, reason: String?, actor: String
  ) async throws(StoreError) -> LimitOverrideRecord
  /// False when the user has no such limit.
  func removeLimitOverride(
    _ limit: LimitOverride.Limit, feature: String?, user: String, actor: String
  ) async throws(StoreError) -> Bool

  // The books, read.
  func ledger(_ filter: LedgerFilter, _ page: PageRequest) async throws(StoreError) -> Page<LedgerLine>
  func usage(_ filter: UsageFilter) async throws(StoreError) -> [UsagePoint]
  /// What limits in shadow mode would have refused, of all users.
  func shadowedUse(_ filter: ShadowFilter) async throws(StoreError) -> [ShadowedUse]
  func audit(_ filter: AuditFilter, _ page: PageRequest) async throws(StoreError) -> Page<AuditEntry>

  // Keys.
  func createKey(
    kind: APIKey.Kind, role: APIKey.Role?, label: String, hash: TokenHash, actor: String
  ) async throws(StoreError) -> APIKey
  func keys(_ page: PageRequest) async throws(StoreError) -> Page<APIKey>
  func revokeKey(id: String, actor: String) async throws(StoreError) -> Bool
  /// Notes that service or admin keys were used; at most once a minute per key, whoever calls how often.
  func markUsed(keyIDs: [String]) async throws(StoreError)

  // Settings.
  func billingLinks() async throws(StoreError) -> BillingLinks?
  func putBillingLinks(_ links: BillingLinks, actor: String) async throws(StoreError)

  // Webhook events (written by Billing).
  func webhookEvents(
    status: String?, type: String?, _ page: PageRequest
  ) async throws(StoreError) -> Page<WebhookEventRecord>
  func webhookEvent(_ id: String) async throws(StoreError) -> WebhookEventRecord?

  /// Answers when Postgres does; for /readyz.
  func ping() async throws(StoreError)
}

package struct UserFilter: Sendable, Equatable {
  /// Part of the id or email, any case; without three letters or digits in a row, how it begins.
  package var query: String?
  package var plan: String?
  /// Of the subscription.
  package var status: String?
  package init(query: String? = nil, plan: String? = nil, status: String? = nil) {
    self.query = query
    self.plan = plan
    self.status = status
  }
}

package struct NewGrant: Sendable, Equatable {
  package var kind: Grant.Kind
  /// 1 to 10¹⁵−1.
  package var tokens: Int64
  package var expiresAt: Instant?
  package var priority: Int64
  package var reason: String?
  package var source: String
  package var sourceReference: String?
  /// The same key never grants twice: the first grant is returned again.
  package var idempotencyKey: String?

  package init(
    kind: Grant.Kind, tokens: Int64, expiresAt: Instant? = nil, priority: Int64 = 100,
    reason: String? = nil, source: String, sourceReference: String? = nil, idempotencyKey: String? = nil
  ) {
    self.kind = kind
    self.tokens = tokens
    self.expiresAt = expiresAt
    self.priority = priority
    self.reason = reason
    self.source = source
    self.sourceReference = sourceReference
    self.idempotencyKey = idempotencyKey
  }
}

package struct LedgerFilter: Sendable, Equatable {
  package var account: AccountID
  package var from: Instant?
  package var to: Instant?
  package init(account: AccountID, from: Instant? = nil, to: Instant? = nil) {
    self.account = account
    self.from = from
    self.to = to
  }
}

/// A row of `usage_entries`, with its hold.
package struct LedgerLine: Sendable, Equatable {
  package var operation: String
  package var at: Instant
  package var user: String
  package var tenant: String?
  package var feature: String
  package var tokens: Int64
  package var kind: String
  package var outcome: String?
  package var reservation: String?
  package var metadata: String?
  /// When the caller says that it happened; nil: at ``at``.
  package var occurredAt: Instant?

  package init(
    operation: String, at: Instant, user: String, tenant: String?, feature: String, tokens: Int64,
    kind: String, outcome: String?, reservation: String?, metadata: String?, occurredAt: Instant? = nil
  ) {
    self.operation = operation
    self.at = at
    self.user = user
    self.tenant = tenant
    self.feature = feature
    self.tokens = tokens
    self.kind = kind
    self.outcome = outcome
    self.reservation = reservation
    self.metadata = metadata
    self.occurredAt = occurredAt
  }
}

package struct UsageFilter: Sendable, Equatable {
  package enum Interval: String, Sendable, CaseIterable { case hour, day, month }
  package var account: AccountID
  package var from: Instant
  package var to: Instant
  package var interval: Interval
  package var byFeature: Bool
  package init(account: AccountID, from: Instant, to: Instant, interval: Interval, byFeature: Bool) {
    self.account = account
    self.from = from
    self.to = to
    self.interval = interval
    self.byFeature = byFeature
  }
}

package struct UsagePoint: Sendable, Equatable {
  package var start: Instant
  package var feature: String?
  package var tokens: Int64
  package var entries: Int64
  package init(start: Instant, feature: String?, tokens: Int64, entries: Int64) {
    self.start = start
    self.feature = feature
    self.tokens = tokens
    self.entries = entries
  }
}

package struct AuditFilter: Sendable, Equatable {
  package var actor: String?
  package var action: String?
  package var subject: String?
  package var from: Instant?
  package var to: Instant?
  package init(
    actor: String? = nil, action: String? = nil, subject: String? = nil, from: Instant? = nil,
    to: Instant? = nil
  ) {
    self.actor = actor
    self.action = action
    self.subject = subject
    self.from = from
    self.to = to
  }
}

/// A stored Stripe event.
package struct WebhookEventRecord: Sendable, Equatable {
  package var id: String
  package var type: String
  /// What it is about: `in_…`, `sub_…`; nil where it doesn't say.
  package var object: String?
  /// `processed`, `ignored`, `unmatched`, `failed`.
  package var status: String
  package var receivedAt: Instant
  package var processedAt: Instant?
  /// Why it is unmatched or failed.
  package var detail: String?
  /// The body as it was received; nil in lists.
  package var payload: String?

  package init(
    id: String, type: String, object: String? = nil, status: String, receivedAt: Instant,
    processedAt: Instant?, detail: String? = nil, payload: String? = nil
  ) {
    self.id = id
    self.type = type
    self.object = object
    self.status = status
    self.receivedAt = receivedAt
    self.processedAt = processedAt
    self.detail = detail
    self.payload = payload
  }
}
