import Gate
import PostgresStore
import TestServers
import Testing

@Suite struct AccountTests {
  @Test func usersAreCreatedAndChanged() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    _ = try await store.putTenant("t1", TenantChange(), actor: "cli")
    var change = UserChange()
    change.email = .set("a@b.c")
    change.plan = .set("pro")
    change.tenant = .set("t1")
    let user = try await store.putUser("u1", change, actor: "key:k1")
    #expect(user.email == "a@b.c" && user.plan == "pro" && user.tenant == "t1")
    var second = UserChange()
    second.tenant = .set(nil)
    let changed = try await store.putUser("u1", second, actor: "key:k1")
    #expect(changed.plan == "pro" && changed.tenant == nil && changed.version > user.version)
    #expect(try await store.putUser("u1", UserChange(), actor: "cli").version == changed.version)
    second.tenant = .set("t2")
    await #expect(throws: StoreError.invalid(field: "tenant", message: "there is no such tenant")) {
      try await store.putUser("u1", second, actor: "cli")
    }
    await #expect(throws: StoreError.self) { try await store.putUser("a b", UserChange(), actor: "cli") }
    let audit = try await store.audit(AuditFilter(action: "user.", subject: "user:u1"), PageRequest())
    #expect(audit.items.map(\.actor) == ["cli", "key:k1", "key:k1"])
    #expect(audit.items.last?.before == nil && audit.items.last?.after?.contains("a@b.c") == true)
  }

  @Test func pagesAreStableUnderWrites() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    for number in 10..<20 { _ = try await store.putUser("u\(number)", UserChange(), actor: "cli") }
    var seen: [String] = []
    var request = PageRequest(limit: 3)
    repeat {
      let page = try await store.users(UserFilter(), request)
      seen += page.items.map(\.id)
      request.cursor = page.nextCursor
      // Before the place: it moves nothing.
      _ = try await store.putUser("a\(seen.count)", UserChange(), actor: "cli")
    } while request.cursor != nil
    #expect(seen == (10..<20).map { "u\($0)" })
    for cursor in ["!", "AAAA", "a", String(repeating: "A", count: 2000), "AA"] {
      await #expect(throws: StoreError.self) {
        try await store.tokens(user: "u10", PageRequest(cursor: cursor))
      }
      await #expect(throws: StoreError.self) {
        try await store.audit(AuditFilter(), PageRequest(cursor: cursor))
      }
    }
    #expect(try await store.users(UserFilter(query: "U1_"), PageRequest()).items.isEmpty)
    #expect(try await store.users(UserFilter(query: "U11"), PageRequest()).items.map(\.id) == ["u11"])
    #expect(try await store.users(UserFilter(query: "%"), PageRequest()).items.isEmpty)
    // One or two characters are looked for at the beginning.
    #expect(try await store.users(UserFilter(query: "U1"), PageRequest()).items.count == 10)
    #expect(try await store.users(UserFilter(query: "11"), PageRequest()).items.isEmpty)
    #expect(try await store.users(UserFilter(status: "active"), PageRequest()).items.isEmpty)
    #expect(try await store.audit(AuditFilter(), PageRequest(limit: 2)).nextCursor != nil)
  }

  /// The status of the subscription that speaks for each, the user's own or the tenant's.
  @Test func usersAreFoundByStatus() async throws {
    let database = try await TestDatabase.make()
    try await database.sql(
      """
      INSERT INTO tollgate.tenants (id) VALUES ('t1'), ('t2');
      INSERT INTO tollgate.users (id, tenant_id) VALUES ('u1', NULL), ('u2', 't1'), ('u3', 't2'), ('u4', NULL),
        ('u5', 't1'), ('u6', NULL);
      INSERT INTO tollgate.subscriptions (stripe_subscription_id, user_id, tenant_id, status) VALUES
        ('s1', 'u1', NULL, 'active'), ('s2', 'u1', NULL, 'canceled'), ('s3', NULL, 't1', 'active'),
        ('s4', 'u2', NULL, 'active'), ('s5', NULL, 't2', 'unpaid'), ('s6', 'u3', NULL, 'active'),
        ('s7', 'u4', NULL, 'canceled'), ('s8', 'u6', NULL, 'active'), ('s9', 'u6', NULL, 'active')
      """)
    func found(_ status: String) async throws -> [String] {
      var seen: [String] = []
      var request = PageRequest(limit: 1)
      repeat {
        let page = try await database.store.users(UserFilter(status: status), request)
        seen += page.items.map(\.id)
        request.cursor = page.nextCursor
      } while request.cursor != nil
      return seen
    }
    #expect(try await found("active") == ["u1", "u2", "u5", "u6"])
    #expect(try await found("canceled") == ["u4"])
    #expect(try await found("unpaid") == ["u3"])
    #expect(try await found("trialing") == [])
    let tenants = try await database.store.tenants(UserFilter(status: "unpaid"), PageRequest()).items
    #expect(tenants.map(\.id) == ["t2"])
    #expect(try await database.store.tenants(UserFilter(status: "canceled"), PageRequest()).items == [])
  }

  @Test func theAuditLogIsPagedAndFiltered() async throws {
    let database = try await TestDatabase.make()
    // Two of each moment, and a transaction that began first and wrote last.
    try await database.sql(
      """
      INSERT INTO tollgate.audit_log (at, actor, action, subject)
      SELECT timestamptz '2026-12-01 00:00+00' + n / 2 * interval '1 microsecond', 'a' || n % 2,
        CASE WHEN n % 3 = 0 THEN 'token.issue' ELSE 'tokens' END, 'user:u' || n
      FROM generate_series(0, 9) AS n;
      INSERT INTO tollgate.audit_log (at, actor, action, subject)
      VALUES ('2026-11-30 00:00+00', 'a1', 'token.revoke', 'user:u10')
      """)
    func found(_ filter: AuditFilter) async throws -> [String] {
      var seen: [String] = []
      var request = PageRequest(limit: 2)
      repeat {
        let page = try await database.store.audit(filter, request)
        seen += page.items.map { String($0.subject.dropFirst("user:u".count)) }
        request.cursor = page.nextCursor
      } while request.cursor != nil
      return seen
    }
    #expect(try await found(AuditFilter()) == (0...9).reversed().map { "\($0)" } + ["10"])
    #expect(try await found(AuditFilter(action: "token.")) == ["9", "6", "3", "0", "10"])
    #expect(try await found(AuditFilter(action: "token.issue")) == ["9", "6", "3", "0"])
    #expect(try await found(AuditFilter(action: "token")) == [])
    #expect(try await found(AuditFilter(actor: "a1", action: "token.")) == ["9", "3", "10"])
    #expect(try await found(AuditFilter(subject: "user:u7")) == ["7"])
    #expect(try await found(AuditFilter(to: december)) == ["10"])
    #expect(try await found(AuditFilter(from: december)).count == 10)
  }

  @Test func everyListPagesToItsEnd() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    _ = try await store.putUser("u1", UserChange(), actor: "cli")
    _ = try await store.putTenant("t1", TenantChange(), actor: "cli")
    for number in 0..<5 as Range<UInt64> {
      _ = try await store.issueToken(
        user: "u1", hash: hash(number), label: "\(number)", expiresAt: nil, actor: "cli")
      _ = try await store.createKey(
        kind: .service, role: nil, label: "\(number)", hash: hash(number), actor: "cli")
    }
    try await database.sql(
      """
      INSERT INTO tollgate.webhook_events_processed (event_id, type, status, payload)
      SELECT 'evt_' || n, 'invoice.paid', 'processed', '{}' FROM generate_series(0, 4) AS n
      """)
    try await store.book(
      (0..<5).map { BookingTests.entry(december.milliseconds, bucket: $0) }
        .enumerated().map { index, entry in
          var entry = entry
          entry.id.sequence = Int64(index)
          return entry
        }, bucket: 0, epoch: 1)
    try await all { try await store.tokens(user: "u1", $0) }
    try await all { try await store.keys($0) }
    try await all { try await store.webhookEvents(status: "processed", type: "invoice.paid", $0) }
    try await all { try await store.ledger(LedgerFilter(account: .user("u1")), $0) }
    #expect(try await store.webhookEvent("evt_1")?.payload == "{}")
    #expect(try await store.tenants(UserFilter(query: "T1"), PageRequest()).items.map(\.id) == ["t1"])
  }

  private func all<Item>(_ list: (PageRequest) async throws -> Page<Item>) async throws {
    var counts: [Int] = []
    var request = PageRequest(limit: 2)
    repeat {
      let page = try await list(request)
      counts.append(page.items.count)
      request.cursor = page.nextCursor
    } while request.cursor != nil && counts.count < 10
    #expect(counts == [2, 2, 1])
  }

  @Test func tokensAreIssuedRotatedRevoked() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    await #expect(throws: StoreError.notFound("user")) {
      try await store.issueToken(user: "u1", hash: hash(1), label: nil, expiresAt: nil, actor: "cli")
    }
    _ = try await store.putUser("u1", UserChange(), actor: "cli")
    let token = try await store.issueToken(
      user: "u1", hash: hash(1), label: "laptop", expiresAt: nil, actor: "cli")
    await #expect(throws: StoreError.self) {
      try await store.issueToken(user: "u1", hash: hash(1), label: nil, expiresAt: nil, actor: "cli")
    }
    let next = try await store.rotateToken(id: token.id, hash: hash(2), overlapSeconds: 0, actor: "cli")
    #expect(next.label == "laptop" && next.expiresAt == nil && next.id != token.id)
    let old = try #require(try await store.principals(tokenHashes: [hash(1)])[0])
    #expect(old.tokenExpiresAt != nil)
    #expect(try await store.revokeToken(id: next.id, ofUser: "u2", actor: "cli") == false)
    #expect(try await store.revokeToken(id: next.id, ofUser: "u1", actor: "cli"))
    #expect(try await store.principals(tokenHashes: [hash(2)]) == [nil])
    let audit = try await store.audit(AuditFilter(action: "token."), PageRequest())
    // One line a change: the triggers know who acts.
    #expect(audit.items.map(\.action) == ["token.revoke", "token.rotate", "token.issue"])
    #expect(audit.items.map(\.actor) == ["cli", "cli", "cli"])
    #expect(!audit.items.contains { "\($0)".contains("hash") })
    await #expect(throws: StoreError.notFound("token")) {
      try await store.rotateToken(id: "tok_x", hash: hash(3), overlapSeconds: 1, actor: "cli")
    }
  }

  @Test func grantsAndResets() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    let account = AccountID.user("u1")
    var grant = NewGrant(kind: .topup, tokens: 5, source: "checkout", idempotencyKey: "cs_1")
    await #expect(throws: StoreError.notFound("user")) {
      try await store.addGrant(to: account, grant, actor: "cli")
    }
    _ = try await store.putUser("u1", UserChange(), actor: "cli")
    let one = try await store.addGrant(to: account, grant, actor: "cli")
    #expect(try await store.addGrant(to: account, grant, actor: "cli") == one)
    grant.idempotencyKey = nil
    for _ in 1..<Limits.liveGrantsMax { _ = try await store.addGrant(to: account, grant, actor: "cli") }
    await #expect(throws: StoreError.self) { try await store.addGrant(to: account, grant, actor: "cli") }

    let first = try await store.resetPeriod(
      of: account, tokens: 10, start: december, end: nil, reason: "new", actor: "cli")
    let second = try await store.resetPeriod(
      of: account, tokens: 20, start: december, end: december.advanced(seconds: 1_000_000_000),
      reason: "again", actor: "cli")
    let grants = try #require(await store.snapshot(of: account)).grants
    #expect(!grants.contains { $0.reference == first.reference })
    #expect(grants.contains { $0.reference == second.reference && $0.kind == .period && $0.tokens == 20 })
  }

  @Test func keysAndLinks() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    let key = try await store.createKey(
      kind: .admin, role: .viewer, label: "ops", hash: hash(1), actor: "cli")
    #expect(try await store.apiKey(hash: hash(1)) == key)
    try await store.markUsed(keyIDs: [key.id, "key_unknown"])
    let used = try #require(await store.apiKey(hash: hash(1))?.lastUsedAt)
    try await store.markUsed(keyIDs: [key.id])
    #expect(try await store.apiKey(hash: hash(1))?.lastUsedAt == used)
    try await database.sql("UPDATE tollgate.api_keys SET last_used_at = now() - interval '61 seconds'")
    try await store.markUsed(keyIDs: [key.id])
    #expect(try #require(await store.apiKey(hash: hash(1))?.lastUsedAt) >= used)
    #expect(try await store.revokeKey(id: key.id, actor: "cli"))
    #expect(try await store.revokeKey(id: key.id, actor: "cli") == false)
    #expect(try await store.apiKey(hash: hash(1)) == nil)
    await #expect(throws: StoreError.self) {
      try await store.createKey(kind: .service, role: .viewer, label: "", hash: hash(2), actor: "cli")
    }
    #expect(try await store.billingLinks() == nil)
    let links = BillingLinks(upgradeURL: "https://example.com/up")
    try await store.putBillingLinks(links, actor: "cli")
    #expect(try await store.billingLinks() == links)
    try await store.ping()
  }
}
