import Gate
import PostgresStore
import TestServers
import Testing

/// The books' mirror of holds: whatever a rebuild needs, in whatever order entries are booked.
@Suite struct HoldMirrorTests {
  private static let far = Instant(seconds: 4_000_000_000)

  /// As `reserve` and `extend` tell of it.
  private static func open(
    _ id: String, tokens: Int64 = 100, expires: Instant = december.advanced(seconds: 120),
    reported: Int64? = nil,
    tenant: String? = "t1"
  ) -> HoldRecord {
    HoldRecord(
      id: id, user: "u1", tenant: tenant, feature: "chat", tokens: tokens, expiresAt: expires,
      createdAt: december, onExpire: .release,
      userAllocations: [Allocation(grant: .init(.granted, 1), tokens: tokens)],
      tenantAllocations: tenant == nil ? [] : [Allocation(grant: .init(.calendar, 5), tokens: tokens)],
      userPeriodStart: Instant(seconds: 0), tenantPeriodStart: tenant == nil ? nil : december,
      reported: reported, takesFeatureSlot: true, feedsEstimate: true)
  }

  /// As the stream's closing entries have it: its name, and nothing else.
  private static func closed(_ id: String, _ state: HoldRecord.State, _ tokens: Int64) -> HoldRecord {
    HoldRecord(
      id: id, user: "u1", tenant: "t1", feature: "chat", tokens: 0, expiresAt: Instant(milliseconds: 0),
      createdAt: december, state: state, settledTokens: tokens)
  }

  private static func entry(
    _ place: Int64, _ kind: LedgerEntry.Kind, _ side: LedgerEntry.Side, _ tokens: Int64, _ hold: HoldRecord
  ) -> LedgerEntry {
    BookingTests.entry(
      december.milliseconds + place, kind, side: side, tenant: hold.tenant, tokens: tokens, hold: hold)
  }

  /// Reserved, extended, expired on either side, corrected by a late settle.
  private static func life(_ id: String, from place: Int64) -> [LedgerEntry] {
    [
      entry(place, .reserve, .both, 0, open(id)),
      entry(place + 1, .extend, .both, 0, open(id, tokens: 200, reported: 30)),
      entry(place + 2, .expire, .user, 200, closed(id, .expired, 200)),
      entry(place + 3, .expire, .tenant, 200, closed(id, .expired, 200)),
      entry(place + 4, .correct, .both, -50, closed(id, .settled, -50)),
    ]
  }

  private static func orders(of count: Int) -> [[Int]] {
    guard count > 1 else { return [[0]] }
    return orders(of: count - 1).flatMap { order in
      (0..<count).map { place in
        var order = order
        order.insert(count - 1, at: place)
        return order
      }
    }
  }

  @Test func anyOrderOfBatchesEndsInTheSameHold() async throws {
    let database = try await TestDatabase.make()
    for (number, order) in Self.orders(of: 5).enumerated() {
      let id = "rsv_\(number)"
      let life = Self.life(id, from: Int64(number * 10))
      // Alone, two by two, and delivered again.
      let size = number % 3 + 1
      let entries = order.map { life[$0] }
      for start in stride(from: 0, to: 5, by: size) {
        let batch = entries[start..<min(5, start + size)].sorted { $0.id < $1.id }
        try await database.store.book(batch, bucket: 0, epoch: 1)
      }
      try await database.store.book(life, bucket: 0, epoch: 1)
      var expected = Self.open(id, tokens: 200, reported: 30)
      expected.state = .settled
      expected.settledTokens = 150
      #expect(try await database.store.hold(id: id) == expected, "order \(order)")
    }
    let open = try await database.sql("SELECT count(*) FROM tollgate.holds WHERE NOT tenant_closed")
    #expect(open == "0")
  }

  @Test func aSettleAheadOfItsReserve() async throws {
    let database = try await TestDatabase.make()
    _ = try await database.store.putUser("u1", UserChange(), actor: "cli")
    let settle = Self.entry(1, .settle, .both, 70, Self.closed("rsv_1", .settled, 70))
    try await database.store.book([settle], bucket: 0, epoch: 1)
    let early = try #require(await database.store.hold(id: "rsv_1"))
    #expect(early.state == .settled && early.settledTokens == 70 && early.tokens == 0)
    // The pool's side ahead of everything: a hold that nobody has told of is no hold to load.
    try await database.store.book(
      [Self.entry(2, .expire, .tenant, 0, Self.closed("rsv_2", .expired, 0))], bucket: 0, epoch: 1)
    #expect(try #require(await database.store.snapshot(of: .user("u1"))).holds == [])
    #expect(try await database.store.accountsWithExpiredHolds(before: Self.far, limit: 10) == [])

    try await database.store.book(
      [Self.entry(0, .reserve, .both, 0, Self.open("rsv_1"))], bucket: 0, epoch: 1)
    var expected = Self.open("rsv_1")
    expected.state = .settled
    expected.settledTokens = 70
    #expect(try await database.store.hold(id: "rsv_1") == expected)
    #expect(try #require(await database.store.snapshot(of: .user("u1"))).holds == [])
  }

  @Test func aLoadGetsWhatIsUnresolvedOnItsSide() async throws {
    let database = try await TestDatabase.make()
    _ = try await database.store.putTenant("t1", TenantChange(), actor: "cli")
    _ = try await database.store.putUser("u1", UserChange(), actor: "cli")
    let past = Instant(seconds: 1_700_000_000)
    func expiring(_ id: String, _ expires: Instant, drawsOnPool: Bool = true) -> HoldRecord {
      var hold = Self.open(id, expires: expires)
      if !drawsOnPool { (hold.tenantAllocations, hold.tenantPeriodStart) = ([], nil) }
      return hold
    }
    let holds = [
      expiring("rsv_running", Self.far), expiring("rsv_over", past),
      expiring("rsv_user_expired", past.advanced(seconds: 1)),
      expiring("rsv_pool_expired", past.advanced(seconds: 2)),
      expiring("rsv_settled", past.advanced(seconds: 3)),
      expiring("rsv_elsewhere", past.advanced(seconds: 4), drawsOnPool: false),
    ]
    var entries = holds.enumerated().map { Self.entry(Int64($0), .reserve, .both, 0, $1) }
    entries += [
      Self.entry(10, .expire, .user, 0, Self.closed("rsv_user_expired", .expired, 0)),
      Self.entry(11, .expire, .tenant, 0, Self.closed("rsv_pool_expired", .expired, 0)),
      Self.entry(12, .settle, .both, 5, Self.closed("rsv_settled", .settled, 5)),
    ]
    try await database.store.book(entries, bucket: 0, epoch: 1)

    let user = try #require(await database.store.snapshot(of: .user("u1")))
    #expect(user.holds == [holds[1], holds[3], holds[5], holds[0]])
    let tenant = try #require(await database.store.snapshot(of: .tenant("t1")))
    var expired = holds[2]
    expired.state = .expired
    expired.settledTokens = 0
    #expect(tenant.holds == [holds[1], expired, holds[0]])

    let due = try await database.store.accountsWithExpiredHolds(before: Self.far, limit: 10)
    #expect(Set(due) == [.user("u1"), .tenant("t1")])
    #expect(try await database.store.accountsWithExpiredHolds(before: past, limit: 10) == [])
    #expect(try await database.store.accountsWithExpiredHolds(before: Self.far, limit: 1).count == 1)

    // Closed holds go two days after their expiry; what a pool has yet to resolve stays.
    try await database.store.maintain()
    let left = try await database.sql("SELECT string_agg(id, ' ' ORDER BY id) FROM tollgate.holds")
    #expect(left == "rsv_elsewhere rsv_over rsv_pool_expired rsv_running rsv_user_expired")
  }

  @Test func bothSidesAreResolvedOneAfterTheOther() async throws {
    let database = try await TestDatabase.make()
    try await database.store.book(
      [Self.entry(0, .reserve, .both, 0, Self.open("rsv_1"))], bucket: 0, epoch: 1)
    let expiry = december.advanced(seconds: 120)
    let later = expiry.advanced(seconds: 1)
    #expect(try await database.store.accountsWithExpiredHolds(before: expiry, limit: 10) == [])
    try await database.store.book(
      [Self.entry(1, .expire, .tenant, 100, Self.closed("rsv_1", .expired, 100))], bucket: 0, epoch: 1)
    #expect(try await database.store.accountsWithExpiredHolds(before: later, limit: 10) == [.user("u1")])
    try await database.store.book(
      [Self.entry(2, .expire, .user, 100, Self.closed("rsv_1", .expired, 100))], bucket: 0, epoch: 1)
    #expect(try await database.store.accountsWithExpiredHolds(before: later, limit: 10) == [])
    #expect(try await database.store.hold(id: "rsv_1")?.settledTokens == 100)
  }

  @Test func shadowsTimesAndThresholdsAreBooked() async throws {
    let database = try await TestDatabase.make()
    var entry = BookingTests.entry(december.milliseconds)
    entry.shadowed = [.requests, .dailyTokens.ofFeature]
    entry.occurredAt = december.advanced(seconds: -3600)
    var crossing = BookingTests.entry(december.milliseconds + 1, .threshold, tokens: 0)
    crossing.crossing = ThresholdCrossing(
      percent: 80, periodStart: december, used: 80, limit: 100, resetsAt: nil)
    try await database.store.book([entry, crossing], bucket: 0, epoch: 1)
    let rows = try await database.sql(
      "SELECT kind, shadowed, occurred_at = at - interval '1 hour' FROM tollgate.ledger ORDER BY at")
    #expect(rows == "spend|513|t\nthreshold|0|")
    #expect(try await database.sum() == 10)
  }
}
