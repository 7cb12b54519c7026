import Gate
import PostgresStore
import TestServers
import Testing

@Suite struct BookingTests {
  static func entry(
    _ milliseconds: Int64, _ kind: LedgerEntry.Kind = .spend, side: LedgerEntry.Side = .both, bucket: Int = 0,
    user: String = "u1", tenant: String? = nil, tokens: Int64 = 10, from: [Allocation] = [],
    debt: Int64 = 0, hold: HoldRecord? = nil, grant: Grant? = nil, metadata: String? = nil
  ) -> LedgerEntry {
    LedgerEntry(
      bucket: bucket, id: StreamID(milliseconds: milliseconds, sequence: 0), kind: kind, side: side,
      operation: "op\(milliseconds)", user: user, tenant: tenant, feature: "chat", tokens: tokens,
      userAllocations: from, userDebt: debt, hold: hold, grant: grant, metadata: metadata)
  }

  static func hold(_ state: HoldRecord.State, tokens: Int64 = 100, expires: Instant? = nil) -> HoldRecord {
    HoldRecord(
      id: "rsv_1", user: "u1", feature: "chat", tokens: tokens,
      expiresAt: expires ?? december.advanced(seconds: 120), createdAt: december,
      userAllocations: [Allocation(grant: .init(.granted, 1), tokens: tokens)], state: state,
      settledTokens: state == .open ? nil : tokens)
  }

  @Test func twiceIsOnce() async throws {
    let database = try await TestDatabase.make()
    let grant = try await database.grant(1000)
    let take = [Allocation(grant: grant, tokens: 8)]
    let entries = (0..<100).map { number in
      Self.entry(
        december.milliseconds + Int64(number), from: take, debt: 2, metadata: "{\"x\":\"\\u0000 \u{0} é\"}")
    }
    try await database.store.book(entries, bucket: 3, epoch: 1)
    try await database.store.book(Array(entries[50...]) + Array(entries[90...]), bucket: 3, epoch: 1)
    #expect(try await database.sum() == 1000)
    let snapshot = try #require(await database.store.snapshot(of: .user("u1")))
    #expect(snapshot.grants.map(\.used) == [800])
    #expect(snapshot.debt == 200)
    #expect(try await database.store.bookedThrough(bucket: 3) == entries.last?.id)
    #expect(try await database.store.bookedThrough(bucket: 4) == nil)
    let usage = try await database.store.usage(
      UsageFilter(
        account: .user("u1"), from: december, to: december.advanced(seconds: 1), interval: .day,
        byFeature: true))
    #expect(usage == [UsagePoint(start: december, feature: "chat", tokens: 1000, entries: 100)])
    // News from Redis is no news for Redis.
    _ = try await database.takeOutbox()
    try await database.store.book(
      [Self.entry(december.milliseconds + 5000, from: take)], bucket: 3, epoch: 1)
    #expect(try await database.takeOutbox() == [])
  }

  @Test func manyBookersAtOnce() async throws {
    let database = try await TestDatabase.make(connections: 8)
    let one = try await database.grant(1_000_000)
    let two = try await database.grant(1_000_000)
    // Four buckets that share the user and its grants, each batch delivered three times, cut differently.
    try await withThrowingTaskGroup(of: Void.self) { group in
      for bucket in 0..<4 {
        let entries = (0..<200).map { number in
          let order = (number + bucket) % 2 == 0 ? [one, two] : [two, one]
          return Self.entry(
            december.milliseconds + Int64(number), bucket: bucket,
            from: order.map { Allocation(grant: $0, tokens: 5) })
        }
        for size in [200, 50, 33] {
          group.addTask {
            for start in stride(from: 0, to: 200, by: size) {
              try await database.store.book(
                Array(entries[start..<min(200, start + size)]), bucket: bucket, epoch: 1)
            }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try await database.sum() == 8000)
    #expect(try await database.store.snapshot(of: .user("u1"))?.grants.map(\.used) == [4000, 4000])
    let rollup = try await database.sql("SELECT sum(tokens), sum(entries) FROM tollgate.ledger_hourly")
    #expect(rollup == "8000|800")
  }

  @Test func usageEntriesAreWhatWasConsumed() async throws {
    let database = try await TestDatabase.make()
    let kinds: [(LedgerEntry.Kind, LedgerEntry.Side, Int64)] = [
      (.spend, .both, 1), (.usage, .both, 20), (.reserve, .both, 0), (.extend, .both, 0),
      (.settle, .both, 300), (.release, .both, 0), (.expire, .user, 4000), (.expire, .user, 0),
      (.expire, .tenant, 4000), (.correct, .both, -1000), (.balance, .both, 0), (.period, .both, 0),
    ]
    let entries = kinds.enumerated().map { index, kind in
      Self.entry(
        december.milliseconds + Int64(index), kind.0, side: kind.1, user: kind.1 == .tenant ? "" : "u1",
        tenant: "t1", tokens: kind.2)
    }
    try await database.store.book(entries, bucket: 0, epoch: 1)
    #expect(try await database.sum() == 3321)
    let rows = try await database.sql(
      "SELECT operation_id, kind, tenant_id, at FROM tollgate.usage_entries ORDER BY at")
    #expect(rows.split(separator: "\n").count == 5)
    let usage = try await database.store.usage(
      UsageFilter(
        account: .tenant("t1"), from: december, to: december.advanced(seconds: 1), interval: .hour,
        byFeature: false))
    #expect(usage == [UsagePoint(start: december, feature: nil, tokens: 3321, entries: 5)])
  }

  @Test(arguments: [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
  func aCalendarGrantComesInAnyOrder(order: [Int]) async throws {
    let database = try await TestDatabase.make()
    _ = try await database.store.putUser("u1", UserChange(), actor: "cli")
    _ = try await database.takeOutbox()
    let start = december.milliseconds
    func definition(_ tokens: Int64) -> Grant {
      Grant(
        reference: .init(.calendar, start), kind: .period, tokens: tokens, periodStart: december,
        periodEnd: december.advanced(seconds: 86_400), expiresAt: december.advanced(seconds: 86_400),
        source: "calendar", createdAt: december)
    }
    let stream = [
      Self.entry(start, .period, tokens: 0, grant: definition(1000)),
      Self.entry(start + 1, from: [Allocation(grant: .init(.calendar, start), tokens: 10)]),
      Self.entry(start + 2, .period, tokens: 0, grant: definition(2000)),
    ]
    for index in order { try await database.store.book([stream[index]], bucket: 0, epoch: 1) }
    let grants = try #require(await database.store.snapshot(of: .user("u1"))).grants
    var expected = definition(2000)
    expected.used = 10
    #expect(grants == [expected])
    #expect(try await database.takeOutbox() == [])
    // Anybody else's change of it is news.
    try await database.sql("UPDATE tollgate.grants SET tokens = 3000")
    #expect(try await database.takeOutbox() == ["user:u1"])
  }

  @Test func aMissingPartitionIsMade() async throws {
    let database = try await TestDatabase.make()
    let years: [Int64] = [1_000_000_000_000, 1_893_456_000_000, 1_893_456_000_001]
    try await database.store.book(years.map { Self.entry($0) }, bucket: 0, epoch: 1)
    #expect(try await database.sum() == 30)
    try await database.store.maintain()
  }

  @Test func theEpochIsRaisedOnce() async throws {
    let database = try await TestDatabase.make()
    #expect(try await database.store.epoch() == 1)
    async let one = database.store.raiseEpoch(from: 1)
    async let two = database.store.raiseEpoch(from: 1)
    #expect(try await [one, two] == [2, 2])
    // The same stream id in a new epoch is another entry.
    let entry = Self.entry(december.milliseconds)
    try await database.store.book([entry], bucket: 0, epoch: 1)
    try await database.store.book([entry], bucket: 0, epoch: 2)
    #expect(try await database.sum() == 20)
  }

  @Test func aThousandEntriesAreBookedInNoTime() async throws {
    let database = try await TestDatabase.make()
    let grant = try await database.grant(1_000_000)
    let entries = (0..<1000).map { number in
      Self.entry(
        december.milliseconds + Int64(number), user: "u\(number % 100)",
        from: [Allocation(grant: grant, tokens: 10)], hold: number % 2 == 0 ? Self.hold(.settled) : nil)
    }
    let clock = ContinuousClock()
    let duration = try await clock.measure {
      try await database.store.book(entries, bucket: 0, epoch: 1)
    }
    #expect(duration < .seconds(2), "\(duration)")
    print("booking 1,000 entries took \(duration)")
  }
}

extension TestDatabase {
  /// A grant of the user u1, who is made where there is none.
  func grant(_ tokens: Int64, expiresAt: Instant? = nil) async throws -> Grant.Reference {
    _ = try await store.putUser("u1", UserChange(), actor: "cli")
    return try await store.addGrant(
      to: .user("u1"), NewGrant(kind: .topup, tokens: tokens, expiresAt: expiresAt, source: "admin"),
      actor: "cli"
    ).reference
  }

  /// What u1 ever used.
  func sum() async throws -> Int64? {
    try await pool.query("SELECT sum(tokens)::bigint AS n FROM usage_entries WHERE user_id = 'u1'")
      .int(0, "n")
  }
}
