import Gate
import Synchronization

/// An account store of dictionaries: enough for routing, validation and the order of calls. The real one is
/// tested where Postgres is.
final class AccountsFake: AccountStore, Sendable {
  struct State {
    var users: [String: User] = [:]
    var tenants: [String: Tenant] = [:]
    var tokens: [String: ExtensionToken] = [:]
    var grants: [NewGrant] = []
    var resets: [Reset] = []
    var links: BillingLinks?
    var lines: [LedgerLine] = []
    var keys: [String: APIKey] = [:]
    var events: [String: WebhookEventRecord] = [:]
    var actors: [String] = []
    var overrides: [String: [LimitOverrideRecord]] = [:]
    var usedKeys: [String] = []
    /// What every call throws; nil: none.
    var failure: StoreError?
  }
  struct Reset: Equatable {
    var account: AccountID
    var tokens: Int64
    var start: Instant
    var end: Instant?
  }
  private let state = Mutex(State())

  func with<Result: Sendable>(_ body: (inout State) -> Result) -> Result {
    state.withLock { state in body(&state) }
  }

  private func store<Result: Sendable>(
    _ body: (inout State) -> Result
  ) throws(StoreError) -> Result {
    if let failure = with({ $0.failure }) { throw failure }
    return with(body)
  }

  static let now = Instant(seconds: 1_790_000_000)

  func putUser(_ id: String, _ change: UserChange, actor: String) async throws(StoreError) -> User {
    try store { state in
      var user = state.users[id] ?? User(id: id, createdAt: AccountsFake.now)
      if case .set(let email) = change.email { user.email = email }
      if case .set(let plan) = change.plan { user.plan = plan }
      if case .set(let tenant) = change.tenant { user.tenant = tenant }
      if case .set(let customer) = change.stripeCustomerID { user.stripeCustomerID = customer }
      user.version += 1
      state.users[id] = user
      state.actors.append(actor)
      return user
    }
  }
  func user(_ id: String) async throws(StoreError) -> User? { try store { $0.users[id] } }
  func users(_ filter: UserFilter, _ page: PageRequest) async throws(StoreError) -> Page<User> {
    try store { Page(items: $0.users.values.sorted { $0.id < $1.id }, nextCursor: nil) }
  }
  func putTenant(_ id: String, _ change: TenantChange, actor: String) async throws(StoreError) -> Tenant {
    try store { state in
      var tenant = state.tenants[id] ?? Tenant(id: id, createdAt: AccountsFake.now)
      if case .set(let name) = change.name { tenant.name = name }
      if case .set(let plan) = change.plan { tenant.plan = plan }
      if case .set(let seats?) = change.seats { tenant.seats = seats }
      state.tenants[id] = tenant
      return tenant
    }
  }
  func tenant(_ id: String) async throws(StoreError) -> Tenant? { try store { $0.tenants[id] } }
  func tenants(_ filter: UserFilter, _ page: PageRequest) async throws(StoreError) -> Page<Tenant> {
    try store { Page(items: Array($0.tenants.values), nextCursor: nil) }
  }

  func issueToken(
    user: String, hash: TokenHash, label: String?, expiresAt: Instant?, actor: String
  ) async throws(StoreError) -> ExtensionToken {
    try store { state in
      let id = "tok_\(state.tokens.count + 1)"
      let token = ExtensionToken(
        id: id, user: user, label: label, createdAt: AccountsFake.now, expiresAt: expiresAt)
      state.tokens[id] = token
      return token
    }
  }
  func tokens(user: String, _ page: PageRequest) async throws(StoreError) -> Page<ExtensionToken> {
    try store { Page(items: $0.tokens.values.filter { $0.user == user }, nextCursor: nil) }
  }
  func allTokens(owner: String?, _ page: PageRequest) async throws(StoreError) -> Page<ExtensionToken> {
    try store { state in
      let all = state.tokens.values.filter { $0.user.contains(owner ?? "") }
      return Page(items: all.sorted { $0.id < $1.id }, nextCursor: nil)
    }
  }
  func revokeToken(id: String, ofUser user: String?, actor: String) async throws(StoreError) -> Bool {
    try store { state in
      guard let token = state.tokens[id], token.user == user ?? token.user else { return false }
      state.tokens[id] = nil
      return true
    }
  }
  func rotateToken(
    id: String, hash: TokenHash, overlapSeconds: Int64, actor: String
  ) async throws(StoreError) -> ExtensionToken {
    guard let token = try store({ $0.tokens[id] }) else { throw .notFound("There is no such token.") }
    return try await issueToken(
      user: token.user, hash: hash, label: token.label, expiresAt: nil, actor: actor)
  }

  func addGrant(to account: AccountID, _ grant: NewGrant, actor: String) async throws(StoreError) -> Grant {
    try store { state in
      let first = state.grants.firstIndex {
        $0.idempotencyKey != nil && $0.idempotencyKey == grant.idempotencyKey
      }
      let index = first ?? state.grants.count
      if first == nil { state.grants.append(grant) }
      let stored = state.grants[index]
      return Grant(
        reference: .init(.granted, Int64(index)), kind: stored.kind, tokens: stored.tokens,
        expiresAt: stored.expiresAt, source: stored.source, createdAt: AccountsFake.now)
    }
  }
  func revokeGrant(
    _ reference: Grant.Reference, of account: AccountID, actor: String
  ) async throws(StoreError) -> Bool {
    try store { Int(reference.number) < $0.grants.count }
  }
  func resetPeriod(
    of account: AccountID, tokens: Int64, start: Instant, end: Instant?, reason: String, actor: String
  ) async throws(StoreError) -> Grant {
    try store { state in
      state.resets.append(Reset(account: account, tokens: tokens, start: start, end: end))
      return Grant(
        reference: .init(.granted, 99), kind: .period, tokens: tokens, periodStart: start, periodEnd: end,
        source: "admin", createdAt: start)
    }
  }

  func limitOverrides(user: String) async throws(StoreError) -> [LimitOverrideRecord] {
    try store { $0.overrides[user] ?? [] }
  }
  func putLimitOverride(
    _ override: LimitOverride, user: String, reason: String?, actor: String
  ) async throws(StoreError) -> LimitOverrideRecord {
    guard try store({ $0.users[user] }) != nil else { throw .notFound("user") }
    return try store { state in
      let record = LimitOverrideRecord(
        override: override, reason: reason, createdAt: AccountsFake.now, updatedAt: AccountsFake.now)
      state.overrides[user, default: []].removeAll {
        $0.override.limit == override.limit && $0.override.feature == override.feature
      }
      state.overrides[user, default: []].append(record)
      state.actors.append(actor)
      return record
    }
  }
  func removeLimitOverride(
    _ limit: LimitOverride.Limit, feature: String?, user: String, actor: String
  ) async throws(StoreError) -> Bool {
    try store { state in
      let count = state.overrides[user]?.count ?? 0
      state.overrides[user]?.removeAll { $0.override.limit == limit && $0.override.feature == feature }
      return state.overrides[user]?.count ?? 0 < count
    }
  }

  func ledger(_ filter: LedgerFilter, _ page: PageRequest) async throws(StoreError) -> Page<LedgerLine> {
    try store { state in
      let first = page.cursor.flatMap { Int($0) } ?? 0
      let last = min(first + page.limit, state.lines.count)
      return Page(
        items: Array(state.lines[first..<last]), nextCursor: last < state.lines.count ? "\(last)" : nil)
    }
  }
  func usage(_ filter: UsageFilter) async throws(StoreError) -> [UsagePoint] {
    try store { _ in [UsagePoint(start: filter.from, feature: nil, tokens: 7, entries: 1)] }
  }
  func shadowedUse(_ filter: ShadowFilter) async throws(StoreError) -> [ShadowedUse] {
    try store { _ in
      [
        ShadowedUse(
          start: filter.from, feature: filter.feature ?? "chat", limit: "requests", entries: 2, tokens: 9,
          users: 1)
      ]
    }
  }
  func audit(_ filter: AuditFilter, _ page: PageRequest) async throws(StoreError) -> Page<AuditEntry> {
    try store { _ in
      let entry = AuditEntry(
        id: 1, at: AccountsFake.now, actor: "cli", action: "user.put", subject: "user:u_1",
        after: #"{"plan":"pro"}"#)
      return Page(items: [entry], nextCursor: nil)
    }
  }

  func createKey(
    kind: APIKey.Kind, role: APIKey.Role?, label: String, hash: TokenHash, actor: String
  ) async throws(StoreError) -> APIKey {
    try store { state in
      let id = "key_\(state.keys.count + 1)"
      let key = APIKey(id: id, kind: kind, role: role, label: label, createdAt: AccountsFake.now)
      state.keys[id] = key
      return key
    }
  }
  func keys(_ page: PageRequest) async throws(StoreError) -> Page<APIKey> {
    try store { Page(items: Array($0.keys.values), nextCursor: nil) }
  }
  func revokeKey(id: String, actor: String) async throws(StoreError) -> Bool {
    try store { $0.keys.removeValue(forKey: id) != nil }
  }
  func markUsed(keyIDs: [String]) async throws(StoreError) {
    try store { $0.usedKeys += keyIDs }
  }

  func billingLinks() async throws(StoreError) -> BillingLinks? { try store { $0.links } }
  func putBillingLinks(_ links: BillingLinks, actor: String) async throws(StoreError) {
    try store { $0.links = links }
  }

  func webhookEvents(
    status: String?, type: String?, _ page: PageRequest
  ) async throws(StoreError) -> Page<WebhookEventRecord> {
    try store { Page(items: Array($0.events.values), nextCursor: nil) }
  }
  func webhookEvent(_ id: String) async throws(StoreError) -> WebhookEventRecord? {
    try store { $0.events[id] }
  }
  func ping() async throws(StoreError) { try store { _ in } }
}
