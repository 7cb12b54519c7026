import Gate
import PostgresStore
import TestServers
import Testing

/// What other systems do with plain SQL has to be as good as the API.
@Suite struct TriggerTests {
  @Test func tokensWrittenByHand() async throws {
    let database = try await TestDatabase.make()
    try await database.sql(
      "INSERT INTO tollgate.extension_tokens (user_id, token_hash) VALUES ('u1', \(hash(1).sqlLiteral))")
    let first = try #require(await database.version(user: "u1"))
    #expect(try await database.takeOutbox() == ["user:u1"])
    let principal = try #require(try await database.store.principals(tokenHashes: [hash(1)]).first ?? nil)
    #expect(principal.user == "u1" && principal.version == first)

    // That it was used is no news.
    try await database.store.markUsed(tokens: [hash(1), hash(2)])
    #expect(try await database.version(user: "u1") == first)
    #expect(try await database.takeOutbox() == [])
    #expect(
      try await database.sql("SELECT count(last_used_at) FROM tollgate.extension_tokens") == "1")

    try await database.sql("UPDATE tollgate.extension_tokens SET expires_at = now() + interval '1 day'")
    let second = try #require(await database.version(user: "u1"))
    #expect(second > first)
    try await database.sql("DELETE FROM tollgate.extension_tokens WHERE user_id = 'u1'")
    #expect(try #require(await database.version(user: "u1")) > second)
    #expect(try await database.takeOutbox() == ["user:u1", "user:u1"])
    #expect(try await database.store.principals(tokenHashes: [hash(1)]) == [nil])
  }

  @Test func tokensChangedByHandAreAudited() async throws {
    let database = try await TestDatabase.make()
    let role = try await database.sql("SELECT session_user")
    try await database.sql(
      """
      INSERT INTO tollgate.extension_tokens (id, user_id, token_hash)
      VALUES ('tok_1', 'u1', \(hash(1).sqlLiteral)), ('tok_2', 'u1', \(hash(2).sqlLiteral))
      """)
    // What decides nothing is no change.
    try await database.sql("UPDATE tollgate.extension_tokens SET last_used_at = now(), label = 'x'")
    try await database.sql(
      "UPDATE tollgate.extension_tokens SET expires_at = now() + interval '1 d' WHERE id = 'tok_1'")
    try await database.sql("DELETE FROM tollgate.extension_tokens WHERE id = 'tok_1'")
    try await database.sql("DELETE FROM tollgate.users")
    func audit() async throws -> [String] {
      try await database.store.audit(AuditFilter(action: "token."), PageRequest()).items.reversed()
        .map { "\($0.actor) \($0.action) \($0.subject)" }
    }
    let lines = [
      "token.issue token:tok_1", "token.issue token:tok_2", "token.change token:tok_1",
      "token.revoke token:tok_1", "token.revoke token:tok_2",
    ]
    #expect(try await audit() == lines.map { "sql:\(role) \($0)" })
    let items = try await database.store.audit(AuditFilter(action: "token."), PageRequest()).items
    #expect(!items.contains { "\($0)".contains("hash") })
    #expect(items[2].before?.contains("\"expires_at\": null") == true && items[2].after != nil)

    // Our own change is audited by itself. Who set a role is named by it, and may not claim to be us.
    _ = try await database.store.putUser("u2", UserChange(), actor: "cli")
    let token = try await database.store.issueToken(
      user: "u2", hash: hash(3), label: nil, expiresAt: nil, actor: "key:k1")
    #expect(try await audit().dropFirst(5) == ["key:k1 token.issue token:\(token.id)"])
    let name = "operator_\(UInt32.random(in: .min ... .max))"
    try await database.sql(
      """
      CREATE ROLE \(name); GRANT USAGE ON SCHEMA tollgate TO \(name);
      GRANT SELECT, DELETE ON tollgate.extension_tokens TO \(name);
      SET ROLE \(name); SELECT set_config('tollgate.actor', 'cli', false);
      DELETE FROM tollgate.extension_tokens; RESET ROLE
      """)
    #expect(try await audit().dropFirst(6) == ["sql:\(name) token.revoke token:\(token.id)"])
  }

  @Test func truncatingTheTokensRevokesThemAll() async throws {
    let database = try await TestDatabase.make()
    for number in 1...3 as ClosedRange<UInt64> {
      try await database.sql(
        """
        INSERT INTO tollgate.extension_tokens (user_id, token_hash)
        VALUES ('u\(number)', \(hash(number).sqlLiteral))
        """)
    }
    _ = try await database.takeOutbox()
    try await database.sql("TRUNCATE tollgate.extension_tokens")
    #expect(try await database.takeOutbox().sorted() == ["user:u1", "user:u2", "user:u3"])
    try await database.sql("TRUNCATE tollgate.users CASCADE")
    #expect(try await database.takeOutbox().sorted() == ["user:u1", "user:u2", "user:u3"])
  }

  @Test func usersAndTenantsWrittenByHand() async throws {
    let database = try await TestDatabase.make()
    try await database.sql(
      """
      INSERT INTO tollgate.tenants (id, name) VALUES ('t1', 'One');
      INSERT INTO tollgate.users (id, plan, tenant_id) VALUES ('u1', 'free', 't1')
      """)
    // psql runs both in one transaction.
    #expect(try await database.takeOutbox().sorted() == ["tenant:t1", "user:u1"])
    let before = try #require(await database.store.user("u1"))
    #expect(before.planChangedAt != nil)

    // A version is not for others to set; an email decides nothing.
    try await database.sql("UPDATE tollgate.users SET version = 1")
    let version = try #require(await database.version(user: "u1"))
    #expect(version > before.version)
    _ = try await database.takeOutbox()
    try await database.sql("UPDATE tollgate.users SET email = 'a@b.c'")
    #expect(try await database.version(user: "u1") == version)
    #expect(try await database.takeOutbox() == [])

    // A tenant's change is the tenant's alone.
    try await database.sql("UPDATE tollgate.tenants SET plan = 'team'")
    #expect(try await database.version(user: "u1") == version)
    #expect(try await database.takeOutbox() == ["tenant:t1"])
    try await database.sql("DELETE FROM tollgate.tenants")
    #expect(try #require(await database.version(user: "u1")) > version)
    #expect(try await database.takeOutbox().sorted() == ["tenant:t1", "user:u1"])
  }

  @Test func aUserMadeAgainIsNoOldAcquaintance() async throws {
    let database = try await TestDatabase.make()
    try await database.sql("INSERT INTO tollgate.users (id) VALUES ('u1')")
    let version = try #require(await database.version(user: "u1"))
    try await database.sql("DELETE FROM tollgate.users")
    #expect(try await database.takeOutbox() == ["user:u1", "user:u1"])
    #expect(try await database.store.snapshot(of: .user("u1")) == nil)
    try await database.sql("INSERT INTO tollgate.users (id) VALUES ('u1')")
    #expect(try #require(await database.version(user: "u1")) > version)
  }

  @Test func subscriptionsAndGrants() async throws {
    let database = try await TestDatabase.make()
    try await database.sql(
      """
      INSERT INTO tollgate.tenants (id) VALUES ('t1');
      INSERT INTO tollgate.users (id) VALUES ('u1')
      """)
    _ = try await database.takeOutbox()
    try await database.sql(
      """
      INSERT INTO tollgate.subscriptions (stripe_subscription_id, user_id, plan, status)
      VALUES ('sub_1', 'u1', 'pro', 'active')
      """)
    #expect(try await database.takeOutbox() == ["user:u1"])
    try await database.sql("UPDATE tollgate.subscriptions SET updated_at = now() + interval '1 s'")
    #expect(try await database.takeOutbox() == [])
    try await database.sql("UPDATE tollgate.subscriptions SET status = 'unpaid', tenant_id = 't1'")
    #expect(try await database.takeOutbox().sorted() == ["tenant:t1", "user:u1"])

    try await database.sql("INSERT INTO tollgate.grants (account_id, tokens) VALUES ('u1', 10)")
    #expect(try await database.takeOutbox() == ["user:u1"])
    try await database.sql("UPDATE tollgate.grants SET used = 5")
    #expect(try await database.takeOutbox() == [])
    try await database.sql("UPDATE tollgate.grants SET revoked_at = now()")
    #expect(try await database.takeOutbox() == ["user:u1"])
    try await database.sql("DELETE FROM tollgate.grants; DELETE FROM tollgate.subscriptions")
    #expect(try await database.takeOutbox().sorted() == ["tenant:t1", "user:u1"])
  }

  @Test func manyTokensInOpposedOrdersDoNotDeadlock() async throws {
    let database = try await TestDatabase.make(connections: 8)
    _ = try await database.pool.query(
      """
      INSERT INTO extension_tokens (user_id, token_hash)
      SELECT 'u' || n % 10, sha256(n::text::bytea) FROM generate_series(1, 200) AS n
      """)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<8 {
        group.addTask {
          for _ in 0..<10 {
            _ = try await database.pool.query(
              """
              UPDATE extension_tokens SET expires_at = clock_timestamp()
              WHERE id IN (
                SELECT id FROM extension_tokens WHERE user_id IN ('u\(number)', 'u\((number + 5) % 10)')
                AND left(md5(id), 1) = '\(number)')
              """)
          }
        }
      }
      try await group.waitForAll()
    }
  }

  /// What a payment costs doesn't grow with how many subscriptions there are.
  @Test func aChangeOfOneAccountReadsItsOwnSubscriptionsOnly() async throws {
    let database = try await TestDatabase.make()
    let read = try await database.sql(
      """
      SET search_path TO tollgate;
      INSERT INTO users (id, plan) SELECT 'u' || n, 'pro' FROM generate_series(1, 1000) AS n;
      INSERT INTO subscriptions (stripe_subscription_id, user_id, plan, status)
      SELECT 's' || n, 'u' || n, 'pro', 'past_due' FROM generate_series(1, 1000) AS n;
      BEGIN;
      UPDATE users SET plan = 'max' WHERE id = 'u7';
      UPDATE subscriptions SET status = 'active' WHERE stripe_subscription_id = 's7';
      SELECT seq_tup_read, idx_scan > 0 FROM pg_stat_xact_user_tables
      WHERE relid = 'tollgate.subscriptions'::regclass;
      COMMIT
      """)
    #expect(read == "0|t")
    #expect(try await database.sql("SELECT own_status FROM tollgate.users WHERE id = 'u7'") == "active")
  }

  @Test func theAuditLogIsAppendOnly() async throws {
    let database = try await TestDatabase.make()
    _ = try await database.store.putUser("u1", UserChange(), actor: "cli")
    for sql in ["DELETE FROM audit_log", "UPDATE audit_log SET actor = 'x'", "TRUNCATE audit_log"] {
      await #expect(throws: StoreError.conflict("audit_log is append-only")) {
        try await database.pool.query(sql)
      }
    }
    #expect(try await database.store.audit(AuditFilter(), PageRequest()).items.count == 1)
  }

  @Test func namesAreCheckedWhoeverWritesThem() async throws {
    let database = try await TestDatabase.make()
    for id in ["", "a b", "é", String(repeating: "x", count: 129), "a\nb", "a\n"] {
      await #expect(throws: StoreError.self) {
        try await database.pool.query("INSERT INTO users (id) VALUES ($1)", [.text(id)])
      }
    }
    _ = try await database.pool.query(
      "INSERT INTO users (id) VALUES ($1)", [.text(String(repeating: "~", count: 128))])
  }
}
