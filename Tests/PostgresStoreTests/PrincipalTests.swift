import Gate
import PostgresStore
import TestServers
import Testing

@Suite struct PrincipalTests {
  @Test func aBatchIsAnsweredInTheOrderAsked() async throws {
    let database = try await TestDatabase.make()
    for number in 1...3 as ClosedRange<UInt64> {
      _ = try await database.store.putUser("u\(number)", UserChange(), actor: "cli")
      _ = try await database.store.issueToken(
        user: "u\(number)", hash: hash(number), label: nil,
        expiresAt: number == 3 ? Instant(seconds: 1) : nil, actor: "cli")
    }
    let principals = try await database.store.principals(
      tokenHashes: [hash(3), hash(9), hash(1), hash(3), hash(2)])
    #expect(principals.map { $0?.user } == ["u3", nil, "u1", "u3", "u2"])
    #expect(principals[0]?.tokenExpiresAt == Instant(seconds: 1))
    #expect(try await database.store.principals(tokenHashes: []) == [])
    let many = (0..<512).map { hash(UInt64($0)) }
    #expect(try await database.store.principals(tokenHashes: many).compactMap { $0 }.count == 3)
  }

  @Test func theSubscriptionThatSpeaks() async throws {
    let database = try await TestDatabase.make()
    func subscribe(_ id: String, _ owner: String, _ plan: String, _ status: String, _ end: String)
      async throws
    {
      try await database.sql(
        """
        INSERT INTO tollgate.subscriptions (stripe_subscription_id, \(owner), plan, status, seats,
          current_period_end)
        VALUES ('\(id)', '\(owner == "user_id" ? "u1" : "t1")', '\(plan)', '\(status)', 7, '\(end)')
        """)
    }
    func speaker() async throws -> String? {
      try await database.store.principal(user: "u1")?.subscription?.stripeSubscriptionID
    }
    try await database.sql(
      """
      INSERT INTO tollgate.tenants (id, plan, seats) VALUES ('t1', 'team', 3);
      INSERT INTO tollgate.users (id, plan, tenant_id) VALUES ('u1', 'pro', 't1')
      """)
    #expect(try await database.store.principal(user: "u1")?.seats == 3)
    #expect(try await database.store.principal(user: "u2") == nil)
    try await subscribe("sub_old", "user_id", "pro", "canceled", "2027-01-01")
    #expect(try await speaker() == "sub_old")
    try await subscribe("sub_live", "user_id", "free", "active", "2026-01-01")
    #expect(try await speaker() == "sub_live")
    try await subscribe("sub_plan", "user_id", "pro", "trialing", "2025-01-01")
    #expect(try await speaker() == "sub_plan")
    try await subscribe("sub_tenant", "tenant_id", "team", "unpaid", "2025-01-01")
    #expect(try await speaker() == "sub_tenant")
    #expect(try await database.store.principal(user: "u1")?.seats == 7)
  }

  @Test func aSnapshotIsOneMoment() async throws {
    let database = try await TestDatabase.make(connections: 6)
    let grant = try await database.grant(1_000_000)
    let writer = Task {
      for number in 0..<200 {
        try await database.store.book(
          [
            BookingTests.entry(
              december.milliseconds + Int64(number), from: [Allocation(grant: grant, tokens: 7)], debt: 7)
          ], bucket: 0, epoch: 1)
      }
    }
    for _ in 0..<100 {
      let snapshot = try #require(await database.store.snapshot(of: .user("u1")))
      #expect(snapshot.grants.map(\.used) == [snapshot.debt])
    }
    try await writer.value
  }

  @Test func aSnapshotHoldsWhatIsLive() async throws {
    let database = try await TestDatabase.make()
    let never = try await database.grant(1)
    let soon = try await database.grant(2, expiresAt: Instant(seconds: 4_000_000_000))
    _ = try await database.grant(3, expiresAt: Instant(seconds: 1))
    let gone = try await database.grant(4)
    #expect(try await database.store.revokeGrant(gone, of: .user("u1"), actor: "cli"))
    #expect(try await database.store.revokeGrant(gone, of: .user("u1"), actor: "cli") == false)
    let now = try #require(await database.pool.query("SELECT date_trunc('hour', now()) AS t").instant(0, "t"))
    let open = BookingTests.hold(.open, expires: Instant(seconds: 4_000_000_000))
    try await database.store.book(
      [
        BookingTests.entry(now.milliseconds, tokens: 5),
        BookingTests.entry(now.milliseconds + 1, .reserve, tokens: 0, hold: open),
        BookingTests.entry(now.milliseconds - 3_600_000, tokens: 6),
        BookingTests.entry(now.milliseconds - 30 * 3_600_000, tokens: 7),
      ], bucket: 0, epoch: 1)
    let snapshot = try #require(await database.store.snapshot(of: .user("u1")))
    #expect(snapshot.grants.map(\.reference) == [soon, never])
    #expect(snapshot.holds == [open])
    #expect(snapshot.hourUsed == 5)
    #expect(snapshot.recentUse.map(\.tokens) == [6, 5])
    #expect(snapshot.version == (try await database.version(user: "u1")))
    _ = try await database.store.putTenant("t1", TenantChange(), actor: "cli")
    #expect(try await database.store.snapshot(of: .tenant("t1"))?.grants == [])
    #expect(try await database.store.snapshot(of: .tenant("t2")) == nil)
  }
}
