import Gate
import PostgresStore
import TestServers
import Testing

@Suite struct SessionTests {
  private func session(
    _ database: TestDatabase, _ number: UInt64 = 1, isUse: Bool = false
  ) async throws -> StoredSession? {
    try await database.store.session(hash(number), idleSeconds: 600, isUse: isUse)
  }

  @Test func aSessionHoldsUntilItIsIdleOrOver() async throws {
    let database = try await TestDatabase.make()
    let key = try await database.store.createKey(
      kind: .admin, role: .viewer, label: "", hash: hash(100), actor: "cli")
    try await database.store.beginSession(
      NewSession(secretHash: hash(1), key: .stored(id: key.id), seconds: 3600))
    let found = try #require(try await session(database))
    #expect(found.key == .stored(id: key.id) && found.role == .viewer)
    #expect(try await session(database, 2) == nil)

    // Idle: what only looks doesn't keep it alive, what uses it does.
    let idle = "UPDATE tollgate.dashboard_sessions SET seen_at = now() - interval '9 minutes'"
    try await database.sql(idle)
    #expect(try await session(database) != nil)
    let age = "SELECT now() - seen_at > interval '8 minutes' FROM tollgate.dashboard_sessions"
    #expect(try await database.sql(age) == "t")
    #expect(try await session(database, isUse: true) != nil)
    #expect(try await database.sql(age) == "f")
    try await database.sql("UPDATE tollgate.dashboard_sessions SET seen_at = now() - interval '601 seconds'")
    #expect(try await session(database, isUse: true) == nil)

    try await database.sql(
      "UPDATE tollgate.dashboard_sessions SET seen_at = now(), ends_at = now() - interval '1 second'")
    #expect(try await session(database) == nil)
    // The next sign-in tidies up.
    try await database.store.beginSession(
      NewSession(secretHash: hash(2), key: .bootstrap(proof: hash(3)), seconds: 60))
    #expect(try await database.sql("SELECT count(*) FROM tollgate.dashboard_sessions") == "1")
    #expect(try await session(database, 2)?.key == .bootstrap(proof: hash(3)))
    #expect(try await session(database, 2)?.role == nil)
  }

  @Test(
    arguments: [
      "UPDATE tollgate.api_keys SET revoked_at = now()", "DELETE FROM tollgate.api_keys",
      "UPDATE tollgate.api_keys SET kind = 'service', role = NULL",
    ])
  func aSessionEndsWithItsKeyWhoeverEndsIt(sql: String) async throws {
    let database = try await TestDatabase.make()
    let key = try await database.store.createKey(
      kind: .admin, role: .operator, label: "", hash: hash(100), actor: "cli")
    let new = NewSession(secretHash: hash(1), key: .stored(id: key.id), seconds: 3600)
    try await database.store.beginSession(new)
    try await database.sql(sql)
    #expect(try await session(database) == nil)
    await #expect(throws: StoreError.notFound("key")) { try await database.store.beginSession(new) }
    // Given back its rights, a key has to sign in anew.
    if sql.contains("revoked_at") {
      try await database.sql("UPDATE tollgate.api_keys SET revoked_at = NULL")
      #expect(try await session(database) == nil)
    }
  }

  @Test func beginningAndEndingAreAudited() async throws {
    let database = try await TestDatabase.make()
    let key = try await database.store.createKey(
      kind: .admin, role: .operator, label: "", hash: hash(100), actor: "cli")
    try await database.store.beginSession(
      NewSession(secretHash: hash(1), key: .stored(id: key.id), seconds: 60))
    try await database.store.endSession(hash(1))
    try await database.store.endSession(hash(1))
    #expect(try await session(database) == nil)
    let lines = try await database.store.audit(AuditFilter(subject: "key:\(key.id)"), PageRequest()).items
    #expect(lines.map(\.action) == ["session.end", "session.begin", "key.create"])
    #expect(lines[0].actor == "key:\(key.id)")
    await #expect(throws: StoreError.self) {
      try await database.store.beginSession(
        NewSession(secretHash: hash(1), key: .stored(id: key.id), seconds: 59))
    }
  }

  @Test func allTokensAreListedNewestFirst() async throws {
    let database = try await TestDatabase.make()
    for (number, user) in ["ann", "bob", "cy"].enumerated() {
      var change = UserChange()
      change.email = .set(user == "cy" ? "100%_ann@example.com" : "\(user)@example.com")
      _ = try await database.store.putUser(user, change, actor: "cli")
      _ = try await database.store.issueToken(
        user: user, hash: hash(UInt64(number)), label: nil, expiresAt: nil, actor: "cli")
    }
    var users: [String] = []
    var cursor: String?
    repeat {
      let page = try await database.store.allTokens(owner: nil, PageRequest(limit: 1, cursor: cursor))
      users += page.items.map(\.user)
      cursor = page.nextCursor
    } while cursor != nil
    #expect(users == ["cy", "bob", "ann"])
    func owners(_ text: String) async throws -> [String] {
      try await database.store.allTokens(owner: text, PageRequest()).items.map(\.user)
    }
    #expect(try await owners("ANN") == ["cy", "ann"])
    #expect(try await owners("100%_a") == ["cy"])
    #expect(try await owners("example") == ["cy", "bob", "ann"])
    // A sign and no wildcard, and too short to be found in the middle: nobody's begins with it.
    #expect(try await owners("%") == [])
    #expect(try await owners("nobody") == [])
  }
}
