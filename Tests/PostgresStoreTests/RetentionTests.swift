import Gate
import PostgresStore
import Synchronization
import TestServers
import Testing

/// Old months leave the ledger, and nothing that anybody adds up changes by it.
@Suite struct RetentionTests {
  /// 2020-01-01, -02-01 and -03-01T00:00:00Z.
  private static let january: Int64 = 1_577_836_800_000
  private static let february: Int64 = 1_580_515_200_000
  private static let march: Int64 = 1_583_020_800_000

  private static func month(_ milliseconds: Int64) -> Instant { Instant(milliseconds: milliseconds) }

  /// Two users, a tenant, grants and debt, in two old months and now.
  private static func book(_ database: TestDatabase) async throws -> [LedgerEntry] {
    let grant = try await database.grant(1_000_000)
    let now = try #require(await database.pool.query("SELECT now() AS t").instant(0, "t")).milliseconds
    var entries: [LedgerEntry] = []
    for (index, start) in [january, february, now].enumerated() {
      for number in 0..<40 as Range<Int64> {
        var entry = BookingTests.entry(
          start + number, number % 5 == 0 ? .correct : .spend, user: number % 2 == 0 ? "u1" : "u2",
          tenant: number % 4 == 0 ? "t1" : nil, tokens: number - 5 + Int64(index))
        entry.feature = number % 3 == 0 ? "chat" : "research"
        if entry.user == "u1" {
          entry.userAllocations = [Allocation(grant: grant, tokens: number)]
          entry.userDebt = 1
        }
        if entry.tenant != nil {
          entry.tenantAllocations = [Allocation(grant: .init(.calendar, january), tokens: 2)]
        }
        entries.append(entry)
      }
    }
    try await database.store.book(entries, bucket: 0, epoch: 1)
    return entries
  }

  /// Everything that somebody adds up: use, grants and debt by the books, series.
  private static func sums(_ database: TestDatabase) async throws -> String {
    try await database.sql(
      """
      SELECT user_id, tenant_id, feature, sum(tokens) FROM tollgate.usage_entries GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
      SELECT sum(tokens), sum(entries) FROM tollgate.ledger_daily;
      SELECT sum(used) FROM tollgate.grants; SELECT sum(debt) FROM tollgate.account_balances;
      SELECT account_id, name, sum(tokens) FROM (
        SELECT user_id AS account_id, g.name, g.tokens
        FROM tollgate.ledger, unnest(user_grants, user_amounts) AS g (name, tokens)
        UNION ALL
        SELECT tenant_id, g.name, g.tokens
        FROM tollgate.ledger, unnest(tenant_grants, tenant_amounts) AS g (name, tokens)
        UNION ALL SELECT user_id, '', user_debt FROM tollgate.ledger
        UNION ALL SELECT account_id, grant_name, tokens FROM tollgate.ledger_archive_balances) AS moved
      GROUP BY 1, 2 HAVING sum(tokens) <> 0 ORDER BY 1, 2
      """)
  }

  private static func partitions(_ database: TestDatabase) async throws -> [String] {
    try await database.sql(
      """
      SELECT relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
      WHERE inhparent = 'tollgate.ledger'::regclass AND relname < 'ledger_2021' ORDER BY 1
      """
    ).split(separator: "\n").map(String.init)
  }

  @Test func oldMonthsAreSummedUpAndDropped() async throws {
    let database = try await TestDatabase.make(connections: 8)
    let entries = try await Self.book(database)
    let before = try await Self.sums(database)
    #expect(try await Self.partitions(database) == ["ledger_2020_01", "ledger_2020_02"])
    // 1,200 months: nothing is that old.
    #expect(try await database.store.archiveLedger(keepingMonths: 1200) == [])

    // Four gates at once, and a reader that never sees a month twice or not at all.
    let reader = Task {
      var wrong = 0
      while !Task.isCancelled { wrong += try await database.sum() == Self.used(by: "u1", entries) ? 0 : 1 }
      return wrong
    }
    let archived = try await withThrowingTaskGroup(of: [Instant].self) { group in
      for _ in 0..<4 { group.addTask { try await database.store.archiveLedger(keepingMonths: 1) } }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    reader.cancel()
    #expect(try await reader.value == 0)
    #expect(archived.sorted() == [Self.month(Self.january), Self.month(Self.february)])
    #expect(try await Self.partitions(database) == [])
    #expect(try await Self.sums(database) == before)
    #expect(try await database.store.archiveLedger(keepingMonths: 1) == [])
    let rows = try await database.sql(
      """
      SELECT count(*), count(DISTINCT operation_id), count(DISTINCT at), min(kind)
      FROM tollgate.usage_entries WHERE kind = 'archive'
      """)
    // Each of two months: u1 with and without a tenant, u2 without, of two features each.
    #expect(rows == "12|12|2|archive")

    // What reads the ledger goes on with what is left of it.
    let lines = try await database.store.ledger(LedgerFilter(account: .user("u1")), PageRequest(limit: 200))
    #expect(lines.items.count == 20)
    let series = try await database.store.usage(
      UsageFilter(
        account: .user("u1"), from: Self.month(Self.january), to: Self.month(Self.march), interval: .month,
        byFeature: false))
    #expect(series.map(\.entries) == [20, 20])
    #expect(try #require(await database.store.snapshot(of: .user("u1"))).debt == 60)
  }

  private static func used(by user: String, _ entries: [LedgerEntry]) -> Int64 {
    entries.filter { $0.user == user }.reduce(0) { $0 + $1.tokens }
  }

  @Test func whatIsDeliveredAgainIsKnown() async throws {
    let database = try await TestDatabase.make()
    let entries = try await Self.book(database)
    let before = try await Self.sums(database)
    #expect(try await database.store.archiveLedger(keepingMonths: 1).count == 2)
    try await database.store.book(entries, bucket: 0, epoch: 1)
    try await database.store.book(Array(entries[..<40]), bucket: 0, epoch: 1)
    #expect(try await Self.sums(database) == before)
    #expect(try await Self.partitions(database) == [])

    // An old entry that this bucket was not past is new, once; its month is summed up again.
    var late = BookingTests.entry(Self.january + 7, bucket: 1, tokens: 1000)
    late.feature = "chat"
    for _ in 0..<2 { try await database.store.book([late], bucket: 1, epoch: 1) }
    #expect(try await database.sum() == Self.used(by: "u1", entries) + 1000)
    #expect(
      try await database.store.archiveLedger(keepingMonths: 1) == [Self.month(Self.january)])
    try await database.store.book([late], bucket: 1, epoch: 1)
    #expect(try await database.sum() == Self.used(by: "u1", entries) + 1000)
    let month = try await database.sql(
      """
      SELECT entries FROM tollgate.ledger_archive
      WHERE user_id = 'u1' AND tenant_id = '' AND feature = 'chat' AND month = '2020-01-01 00:00+00'
      """)
    #expect(month == "4")
  }

  @Test func theMonthOfAnOpenHoldStays() async throws {
    let database = try await TestDatabase.make()
    let hold = BookingTests.hold(.open, expires: Self.month(Self.february + 60_000))
    try await database.store.book(
      [
        BookingTests.entry(Self.january), BookingTests.entry(Self.february, .reserve, tokens: 0, hold: hold),
        BookingTests.entry(Self.march),
      ], bucket: 0, epoch: 1)
    // In order: March doesn't go ahead of February.
    #expect(try await database.store.archiveLedger(keepingMonths: 1) == [Self.month(Self.january)])
    #expect(try await database.store.archiveLedger(keepingMonths: 1) == [])
    try await database.store.book(
      [BookingTests.entry(Self.march + 1, .settle, tokens: 9, hold: BookingTests.hold(.settled))], bucket: 0,
      epoch: 1)
    // Resolved, and out of a late settle's reach.
    #expect(try await database.store.archiveLedger(keepingMonths: 1) == [])
    try await database.store.maintain()
    let both = [Self.month(Self.february), Self.month(Self.march)]
    #expect(try await database.store.archiveLedger(keepingMonths: 1) == both)
    #expect(try await database.sum() == 29)
  }

  @Test func bookersDoNotWaitForIt() async throws {
    let database = try await TestDatabase.make(connections: 6)
    let entries = try await Self.book(database)
    let now = try #require(entries.last).id.milliseconds
    // A long read keeps the ledger from being changed; whoever archives gives up, and bookers go on.
    let (opened, open) = AsyncStream.makeStream(of: Void.self)
    let (closed, close) = AsyncStream.makeStream(of: Void.self)
    let long = Task {
      try await database.pool.transaction { (transaction) async throws(StoreError) in
        _ = try await transaction.query("SELECT count(*) FROM ledger")
        open.finish()
        for await _ in closed {}
      }
    }
    for await _ in opened {}
    let isDone = Mutex(false)
    let archiving = Task {
      defer { isDone.withLock { $0 = true } }
      return try await database.store.archiveLedger(keepingMonths: 1)
    }
    let clock = ContinuousClock()
    var slowest = Duration.zero
    var booked: Int64 = 0
    while !isDone.withLock({ $0 }) {
      booked += 1
      let entry = BookingTests.entry(now + 1000 + booked)
      let took = try await clock.measure { try await database.store.book([entry], bucket: 0, epoch: 1) }
      slowest = max(slowest, took)
    }
    await #expect(throws: StoreError.self) { try await archiving.value }
    #expect(slowest < .seconds(3), "\(slowest)")
    #expect(try await Self.partitions(database) == ["ledger_2020_01", "ledger_2020_02"])
    close.finish()
    try await long.value
    #expect(try await database.store.archiveLedger(keepingMonths: 1).count == 2)
    #expect(try await database.sum() == Self.used(by: "u1", entries) + 10 * booked)
  }
}
