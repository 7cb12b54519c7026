import Gate
import PostgresStore
import TestServers
import Testing

/// Limits of single users: stored, read with the principal, told to the gates.
@Suite struct LimitOverrideTests {
  private static let far = Instant(seconds: 4_000_000_000)
  private static let all: [LimitOverride] = [
    LimitOverride(limit: .concurrent, value: .amount(0)),
    LimitOverride(limit: .dailyTokens, value: .amount(Limits.tokensMax), expiresAt: far),
    LimitOverride(limit: .requests, value: .window(WindowLimit(count: 7, windowSeconds: 60, burst: 3))),
    LimitOverride(feature: "chat", limit: .hourlyTokens, value: .unlimited),
    LimitOverride(feature: "~", limit: .tokens, value: .window(WindowLimit(count: 1, windowSeconds: 1))),
  ]

  @Test func aPrincipalCarriesThoseThatLast() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    for user in ["u1", "u2"] {
      _ = try await store.putUser(user, UserChange(), actor: "cli")
      _ = try await store.issueToken(
        user: user, hash: hash(user == "u1" ? 1 : 2), label: nil, expiresAt: nil, actor: "cli")
    }
    for override in Self.all {
      let record = try await store.putLimitOverride(override, user: "u1", reason: "a launch", actor: "cli")
      #expect(record.override == override && record.reason == "a launch")
    }
    _ = try await store.putLimitOverride(
      LimitOverride(feature: "old", limit: .tokens, value: .unlimited, expiresAt: Instant(seconds: 1)),
      user: "u1", reason: nil, actor: "cli")
    #expect(try await store.principal(user: "u1")?.overrides == Self.all)
    let batch = try await store.principals(tokenHashes: [hash(2), hash(1), hash(3)])
    #expect(batch.map { $0?.overrides } == [[], Self.all, nil])
    let listed = try await store.limitOverrides(user: "u1").map(\.override)
    #expect(listed.count == 6 && listed.filter { $0.feature != "old" } == Self.all)
    #expect(try await store.limitOverrides(user: "u2") == [])
  }

  @Test func changesAreAuditedAndAnnounced() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    _ = try await store.putUser("u1", UserChange(), actor: "cli")
    _ = try await database.takeOutbox()
    let first = try #require(await database.version(user: "u1"))
    var override = LimitOverride(limit: .concurrent, value: .amount(3))
    let made = try await store.putLimitOverride(override, user: "u1", reason: "why", actor: "key:k1")
    #expect(try await database.takeOutbox() == ["user:u1"])
    let second = try #require(await database.version(user: "u1"))
    #expect(second > first)
    override.value = .unlimited
    let changed = try await store.putLimitOverride(override, user: "u1", reason: nil, actor: "cli")
    #expect(changed.createdAt == made.createdAt && changed.updatedAt >= made.updatedAt)
    #expect(try #require(await database.version(user: "u1")) > second)
    // The same again is no news.
    let third = try await database.version(user: "u1")
    _ = try await database.takeOutbox()
    _ = try await store.putLimitOverride(override, user: "u1", reason: "another", actor: "cli")
    #expect(try await database.version(user: "u1") == third)
    #expect(try await database.takeOutbox() == [])
    #expect(
      try await store.removeLimitOverride(.concurrent, feature: "chat", user: "u1", actor: "cli") == false)
    #expect(try await store.removeLimitOverride(.concurrent, feature: nil, user: "u1", actor: "cli"))
    #expect(try await database.takeOutbox() == ["user:u1"])
    let audit = try await store.audit(AuditFilter(action: "limit."), PageRequest()).items
    #expect(audit.map(\.action) == ["limit.remove", "limit.put", "limit.put", "limit.put"])
    #expect(audit.map(\.subject) == Array(repeating: "user:u1", count: 4))
    #expect(audit[3].before == nil && audit[3].reason == "why" && audit[3].actor == "key:k1")
    #expect(audit[2].before?.contains("\"amount\": 3") == true)
    #expect(audit[2].after?.contains("\"unlimited\": true") == true)
  }

  @Test func plainSQLIsAsGood() async throws {
    let database = try await TestDatabase.make()
    try await database.sql("INSERT INTO tollgate.users (id) SELECT 'u' || n FROM generate_series(1, 3) AS n")
    _ = try await database.takeOutbox()
    try await database.sql(
      """
      INSERT INTO tollgate.limit_overrides (user_id, limit_name, count, window_s)
      VALUES ('u1', 'requests', 9, 60), ('u2', 'tokens', 9, 60)
      """)
    #expect(try await database.takeOutbox().sorted() == ["user:u1", "user:u2"])
    let window = LimitOverride(limit: .requests, value: .window(WindowLimit(count: 9, windowSeconds: 60)))
    #expect(try await database.store.principal(user: "u1")?.overrides == [window])
    try await database.sql("UPDATE tollgate.limit_overrides SET reason = 'x'")
    #expect(try await database.takeOutbox() == [])
    try await database.sql("UPDATE tollgate.limit_overrides SET user_id = 'u3' WHERE user_id = 'u2'")
    #expect(try await database.takeOutbox().sorted() == ["user:u2", "user:u3"])
    try await database.sql("DELETE FROM tollgate.limit_overrides WHERE user_id = 'u1'")
    #expect(try await database.takeOutbox() == ["user:u1"])
    try await database.sql("DELETE FROM tollgate.users WHERE id = 'u3'")
    #expect(try await database.sql("SELECT count(*) FROM tollgate.limit_overrides") == "0")
    _ = try await database.takeOutbox()
    try await database.sql(
      "INSERT INTO tollgate.limit_overrides (user_id, limit_name, unlimited) VALUES ('u1', 'tokens', true)")
    _ = try await database.takeOutbox()
    try await database.sql("TRUNCATE tollgate.limit_overrides")
    #expect(try await database.takeOutbox() == ["user:u1"])
  }

  @Test(arguments: [
    "limit_name => 'weekly', amount => 1", "limit_name => 'concurrent'", "limit_name => 'requests'",
    "limit_name => 'requests', count => 1", "limit_name => 'requests', count => 1, window_s => 86401",
    "limit_name => 'requests', count => 0, window_s => 60", "limit_name => 'requests', amount => 1",
    "limit_name => 'requests', count => 1, window_s => 1, burst => 0",
    "limit_name => 'requests', count => 1, window_s => 1, amount => 1",
    "limit_name => 'concurrent', amount => 257", "limit_name => 'concurrent', amount => -1",
    "limit_name => 'daily_tokens', amount => 1000000000000000",
    "limit_name => 'daily_tokens', amount => 1, count => 1",
    "limit_name => 'daily_tokens', amount => 1, unlimited => true",
    "limit_name => 'daily_tokens', amount => 1, feature => 'a b'",
    "limit_name => 'daily_tokens', amount => 1, feature => NULL",
    "limit_name => 'daily_tokens', amount => 1, expires_at => 'infinity'",
  ])
  func anIllShapedRowIsImpossible(fields: String) async throws {
    let database = try await TestDatabase.make()
    try await database.sql("INSERT INTO tollgate.users (id) VALUES ('u1')")
    let pairs = fields.split(separator: ", ").map { $0.split(separator: " => ") }
    let names = pairs.map { $0[0] }.joined(separator: ", ")
    let values = pairs.map { $0[1] }.joined(separator: ", ")
    await #expect(throws: StoreError.self) {
      try await database.pool.query(
        "INSERT INTO limit_overrides (user_id, \(names)) VALUES ('u1', \(values))")
    }
    #expect(try await database.sql("SELECT count(*) FROM tollgate.limit_overrides") == "0")
  }

  @Test func whatIsRefused() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    let good = LimitOverride(limit: .concurrent, value: .amount(1))
    await #expect(throws: StoreError.notFound("user")) {
      try await store.putLimitOverride(good, user: "u1", reason: nil, actor: "cli")
    }
    _ = try await store.putUser("u1", UserChange(), actor: "cli")
    let window = WindowLimit(count: 1, windowSeconds: 1)
    for (override, field) in [
      (LimitOverride(limit: .concurrent, value: .amount(257)), "amount"),
      (LimitOverride(limit: .dailyTokens, value: .amount(-1)), "amount"),
      (LimitOverride(limit: .dailyTokens, value: .window(window)), "amount"),
      (LimitOverride(limit: .requests, value: .amount(1)), "count"),
      (LimitOverride(limit: .tokens, value: .window(WindowLimit(count: 1, windowSeconds: 0))), "window_s"),
      (LimitOverride(feature: "", limit: .concurrent, value: .amount(1)), "feature"),
    ] {
      do {
        _ = try await store.putLimitOverride(override, user: "u1", reason: nil, actor: "cli")
        Issue.record("\(override) was taken")
      } catch StoreError.invalid(let named, _) {
        #expect(named == field)
      }
    }
    // 64, also when many come at once.
    try await database.sql(
      """
      INSERT INTO tollgate.limit_overrides (user_id, feature, limit_name, amount)
      SELECT 'u1', 'f' || n, 'concurrent', 1 FROM generate_series(1, 60) AS n
      """)
    let taken = await withTaskGroup(of: Bool.self) { group in
      for number in 0..<8 {
        group.addTask {
          var override = good
          override.feature = "more\(number)"
          return (try? await store.putLimitOverride(override, user: "u1", reason: nil, actor: "cli")) != nil
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(taken == 4)
    #expect(try await store.principal(user: "u1")?.overrides.count == Limits.limitOverridesMax)
    #expect(try await store.audit(AuditFilter(action: "limit.put"), PageRequest()).items.count == 4)
  }
}
