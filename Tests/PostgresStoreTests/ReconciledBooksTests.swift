import Gate
import PostgresStore
import TestServers
import Testing

/// The books' side of a reconciliation.
@Suite struct ReconciledBooksTests {
  private func view(
    _ moment: StreamID, grants: [Grant.Reference] = [], holds: [HoldRecord] = [], user: String = "u1"
  ) -> CountersView {
    CountersView(
      id: .user(user), bucket: 0, now: december, newest: moment,
      account: .init(
        version: 1, epoch: 1, debt: 0, openHolds: 0, nextExpiry: nil,
        grants: grants.map {
          .init(
            reference: $0, role: .extra, tokens: 0, used: 0, held: 0, expiresAt: nil, priority: 0,
            start: december, stop: december)
        }), holds: holds, holdsCount: Int64(holds.count), readableRest: nil)
  }

  private func moment(_ offset: Int64) -> StreamID {
    StreamID(milliseconds: december.milliseconds + offset, sequence: 0)
  }

  @Test func theBooksAreToldAsOfAnEntry() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    let grant = try await database.grant(10_000)
    let entries = (0..<20).map { number in
      BookingTests.entry(
        december.milliseconds + Int64(number), from: [Allocation(grant: grant, tokens: 7)], debt: 3)
    }
    try await store.book(entries, bucket: 0, epoch: 1)
    // Another bucket's entries have an order of their own.
    try await store.book(
      [
        BookingTests.entry(
          december.milliseconds + 50, bucket: 1, from: [Allocation(grant: grant, tokens: 1000)])
      ],
      bucket: 1, epoch: 1)
    for count in [1, 7, 20] as [Int64] {
      for deep in [false, true] {
        let books = try #require(try await store.inspect(view(moment(count - 1)), deep: deep))
        #expect(books.grants.map(\.usedThen) == [1000 + 7 * count])
        #expect(books.debtThen == 3 * count && books.debt == 60)
        #expect(books.grants.map(\.entered) == [deep ? 1140 : nil])
        #expect(books.enteredDebt == (deep ? 60 : nil) && books.rollupGaps.isEmpty)
        #expect(books.isChanging && books.tenant == nil)
      }
    }
    #expect(try await store.inspect(view(moment(0), user: "nobody"), deep: true) == nil)
  }

  @Test func revokedGrantsAreToldWhereRedisHasThem() async throws {
    let database = try await TestDatabase.make()
    let grant = try await database.grant(100)
    _ = try await database.store.revokeGrant(grant, of: .user("u1"), actor: "cli")
    #expect(try await database.store.inspect(view(moment(0)), deep: true)?.grants.isEmpty == true)
    let known = try await database.store.inspect(view(moment(0), grants: [grant]), deep: true)
    #expect(known?.grants.map(\.isRevoked) == [true])
  }

  @Test func holdsAreToldWithWhatTheLedgerHas() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    _ = try await database.grant(1000)
    try await store.book(
      [BookingTests.entry(december.milliseconds, .reserve, tokens: 0, hold: BookingTests.hold(.open))],
      bucket: 0,
      epoch: 1)
    var made = BookingTests.hold(.open)
    made.id = "rsv_2"
    let both = try #require(try await store.inspect(view(moment(0), holds: [made]), deep: true)).holds
    let first = try #require(both.first { $0.id == "rsv_1" })
    #expect(
      first.record?.state == .open && first.record?.tokens == 100 && first.wasMade && first.ending == nil)
    let second = try #require(both.first { $0.id == "rsv_2" })
    #expect(second.record == nil && !second.wasMade && !second.isChangedLater)
    try await store.book(
      [BookingTests.entry(december.milliseconds + 5, .settle, tokens: 60, hold: BookingTests.hold(.settled))],
      bucket: 0, epoch: 1)
    let before = try #require(
      try await store.inspect(view(moment(4), holds: [BookingTests.hold(.open)]), deep: false)
    ).holds
    #expect(before.map(\.isChangedLater) == [true])
    let after = try #require(
      try await store.inspect(view(moment(5), holds: [BookingTests.hold(.open)]), deep: false)
    ).holds
    #expect(after.map(\.isChangedLater) == [false] && after.map(\.ending) == [.settled])
    #expect(try await store.inspect(view(moment(5)), deep: true)?.holds.isEmpty == true)
  }

  @Test func anExpiryDoesNotTellTheRestAnew() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    _ = try await database.grant(1000)
    try await store.book(
      [
        BookingTests.entry(december.milliseconds, .reserve, tokens: 0, hold: BookingTests.hold(.open)),
        BookingTests.entry(
          december.milliseconds + 1, .expire, side: .user, hold: BookingTests.hold(.expired)),
        BookingTests.entry(december.milliseconds + 2),
      ], bucket: 0, epoch: 1)
    for (offset, isOld) in [(0, false), (1, true), (2, false)] as [(Int64, Bool)] {
      #expect(try await store.inspect(view(moment(offset)), deep: false)?.mayRestBeOld == isOld)
    }
  }

  /// Derived rows are wrong, and entries are booked while they are mended: in the end everything adds up.
  @Test func mendingLosesNoBookings() async throws {
    let database = try await TestDatabase.make(connections: 6)
    let store = database.store
    let grant = try await database.grant(1_000_000)
    _ = try await database.takeOutbox()
    let take = [Allocation(grant: grant, tokens: 7)]
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for batch in 0..<40 {
          let entries = (0..<10).map { number in
            BookingTests.entry(december.milliseconds + Int64(batch * 10 + number), from: take, debt: 3)
          }
          try await store.book(entries, bucket: 0, epoch: 1)
        }
      }
      for fault in 0..<2 {
        group.addTask {
          for round in 0..<10 {
            for statement in [
              "UPDATE tollgate.grants SET used = used + \(round - 4), booked_at = clock_timestamp()",
              "UPDATE tollgate.account_balances SET debt = debt - \(fault + 1)",
              "UPDATE tollgate.ledger_hourly SET tokens = tokens + 5, entries = entries - 1 WHERE feature = 'chat'",
              """
              INSERT INTO tollgate.ledger_hourly VALUES ('user', 'u1', '2026-01-01', 'made', 3, 3)
              ON CONFLICT DO NOTHING
              """,
            ] { try await database.sql(statement) }
            try await store.mend(.user("u1"), lost: [])
          }
        }
      }
      try await group.waitForAll()
    }
    try await store.mend(.user("u1"), lost: [])
    let books = try #require(try await store.inspect(view(moment(1_000_000)), deep: true))
    #expect(books.grants.map(\.grant.used) == [2800] && books.grants.map(\.entered) == [2800])
    #expect(books.debt == 1200 && books.enteredDebt == 1200 && books.rollupGaps.isEmpty)
    #expect(
      try await database.sql("SELECT feature, tokens, entries FROM tollgate.ledger_hourly") == "chat|4000|400"
    )
    // News from the ledger is no news for Redis.
    #expect(try await database.takeOutbox() == [])
  }

  @Test func archivedMonthsStillCount() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    let grant = try await database.grant(1000)
    let years: Int64 = 86_400_000 * 800
    try await store.book(
      [
        BookingTests.entry(
          december.milliseconds - years, from: [Allocation(grant: grant, tokens: 8)], debt: 2),
        BookingTests.entry(december.milliseconds, from: [Allocation(grant: grant, tokens: 5)]),
      ], bucket: 0, epoch: 1)
    #expect(try await store.archiveLedger(keepingMonths: 1).count == 1)
    let books = try #require(try await store.inspect(view(moment(0)), deep: true))
    #expect(books.grants.map(\.entered) == [13] && books.enteredDebt == 2 && books.rollupGaps.isEmpty)
    try await store.mend(.user("u1"), lost: [])
    #expect(try await store.inspect(view(moment(0)), deep: true)?.grants.map(\.grant.used) == [13])
    #expect(try await database.sql("SELECT sum(tokens) FROM tollgate.ledger_hourly") == "20")
  }

  @Test func findingsAreKeptUntilTheyAreMended() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    let difference = Difference(.grantUsed, "grt_g1", redis: 5, books: 3)
    try await store.record([AccountFinding(.user("a"), .drifted, differences: [difference])], actor: nil)
    try await store.record(
      [
        AccountFinding(.user("a"), .drifted, differences: [difference]), AccountFinding(.user("b"), .clean),
        AccountFinding(.user("c"), .unchecked),
      ], actor: nil)
    let found = try await store.drift()
    #expect(found.accounts == 1 && found.compared == 3 && found.drifted == 2 && found.lastRunAt != nil)
    try await store.record(
      [AccountFinding(.user("a"), .mended, differences: [difference])], actor: "cli")
    #expect(try await store.drift().accounts == 0)
    let audit = try await database.sql(
      "SELECT actor, subject, before->'differences'->0->>'redis' FROM tollgate.audit_log WHERE action = 'reconcile.mend'"
    )
    #expect(audit == "cli|user:a|5")
  }

  @Test func accountsAreListedPageByPage() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    for id in ["c", "a", "b"] { _ = try await store.putUser(id, UserChange(), actor: "cli") }
    for id in ["y", "x"] { _ = try await store.putTenant(id, TenantChange(), actor: "cli") }
    var found: [String] = []
    var after: AccountID?
    while let page = Optional(try await store.places(after: after, limit: 2)), let last = page.last {
      found += page.map(\.account.description)
      after = last.account
    }
    #expect(found == ["user:a", "user:b", "user:c", "tenant:x", "tenant:y"])
    #expect(try await store.accountsCount() == 5)
    #expect(try await store.place(of: .user("z")) == nil)
    for (offset, user) in ["a", "b", "a"].enumerated() {
      try await store.book(
        [BookingTests.entry(december.milliseconds + Int64(offset), user: user, tenant: "x")], bucket: 0,
        epoch: 1)
    }
    let used = try await store.accountsInUse(after: december.advanced(seconds: -1), limit: 10)
    #expect(used.places.map(\.account.description) == ["user:a", "tenant:x", "user:b"])
    #expect(used.next == Instant(milliseconds: december.milliseconds + 2))
    #expect(try await store.accountsInUse(after: december.advanced(seconds: 1), limit: 10).next == nil)
  }
}
