import Gate
import PostgresStore
import TestServers
import Testing

/// Sums per hour and day are those of the entries, however these come.
@Suite struct RollupTests {
  /// From the last hours of November 2026 on, over four days.
  private static let start = december.milliseconds - 30 * 3_600_000
  private static let kinds: [LedgerEntry.Kind] = [
    .spend, .usage, .settle, .correct, .expire, .reserve, .release,
  ]

  private static func entries(
    _ count: Int, bucket: Int, _ random: inout SeededRandom
  ) -> [LedgerEntry] {
    (0..<count).map { number in
      let kind = kinds.randomElement(using: &random) ?? .spend
      let side: LedgerEntry.Side = kind == .expire ? (Bool.random(using: &random) ? .user : .tenant) : .both
      let user = "u\(Int.random(in: 1...3, using: &random))"
      let tokens: Int64 =
        switch kind {
        case .reserve, .release: 0
        case .correct: Int64.random(in: -500...500, using: &random)
        default: Int64.random(in: 0...1000, using: &random)
        }
      var entry = LedgerEntry(
        bucket: bucket,
        id: StreamID(
          milliseconds: start + Int64.random(in: 0..<96 * 3_600_000, using: &random), sequence: Int64(number)),
        kind: kind, side: side, operation: "op\(bucket).\(number)", user: user,
        tenant: user == "u1" ? nil : "t1", feature: Bool.random(using: &random) ? "chat" : "research",
        tokens: tokens)
      if kind == .spend || kind == .reserve, Int.random(in: 0..<4, using: &random) == 0 {
        entry.shadowed = ShadowedLimits(rawValue: Int64.random(in: 1..<1024, using: &random))
      }
      if kind == .reserve {
        entry.hold = HoldRecord(
          id: "rsv_\(bucket)_\(number)", user: user, feature: entry.feature,
          tokens: Int64.random(in: 0...1000, using: &random), expiresAt: december, createdAt: december)
      }
      return entry
    }
  }

  /// Delivers everything at least once, in pieces of any size and order.
  private static func deliveries(
    _ entries: [LedgerEntry], _ random: inout SeededRandom
  ) -> [[LedgerEntry]] {
    var pieces: [[LedgerEntry]] = []
    for _ in 0..<2 {
      var rest = entries.shuffled(using: &random)[...]
      while !rest.isEmpty {
        let piece = rest.prefix(Int.random(in: 1...80, using: &random))
        rest = rest.dropFirst(piece.count)
        pieces.append(piece.sorted { $0.id < $1.id })
      }
    }
    return pieces.shuffled(using: &random)
  }

  private static func isCounted(_ entry: LedgerEntry) -> Bool {
    switch entry.kind {
    case .spend, .usage, .settle, .correct: true
    case .expire: entry.side == .user && entry.tokens != 0
    default: false
    }
  }

  @Test func theyEqualTheEntries() async throws {
    let seed = UInt64.random(in: .min ... .max)
    print("ROLLUP_SEED=\(seed)")
    var random = SeededRandom(seed: seed)
    let database = try await TestDatabase.make(connections: 8)
    let buckets = (0..<2).map { Self.entries(400, bucket: $0, &random) }
    let all = buckets.flatMap { $0 }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (bucket, entries) in buckets.enumerated() {
        // Two bookers of each bucket.
        let pieces = Self.deliveries(entries, &random)
        for half in [pieces.prefix(pieces.count / 2), pieces.dropFirst(pieces.count / 2)] {
          group.addTask {
            for piece in half { try await database.store.book(piece, bucket: bucket, epoch: 1) }
          }
        }
      }
      try await group.waitForAll()
    }
    let difference = """
      WITH used AS (
        SELECT 'user' AS kind, user_id AS id, at, feature, tokens FROM tollgate.usage_entries
        UNION ALL
        SELECT 'tenant', tenant_id, at, feature, tokens FROM tollgate.usage_entries
        WHERE tenant_id IS NOT NULL),
      wrong AS (
        (SELECT kind, id, date_trunc('UNIT', at, 'UTC'), feature, sum(tokens), count(*)::numeric FROM used
          GROUP BY 1, 2, 3, 4
          EXCEPT SELECT account_kind, account_id, UNIT, feature, tokens, entries FROM tollgate.TABLE)
        UNION ALL
        (SELECT account_kind, account_id, UNIT, feature, tokens, entries FROM tollgate.TABLE
          EXCEPT SELECT kind, id, date_trunc('UNIT', at, 'UTC'), feature, sum(tokens), count(*) FROM used
          GROUP BY 1, 2, 3, 4))
      SELECT count(*) FROM wrong
      """
    for (unit, table) in [("hour", "ledger_hourly"), ("day", "ledger_daily")] {
      let sql = difference.replacing("UNIT", with: unit).replacing("TABLE", with: table)
      #expect(try await database.sql(sql) == "0", "\(table)")
    }
    let counted = all.filter(Self.isCounted)
    #expect(
      try await database.sql("SELECT count(*), sum(tokens) FROM tollgate.usage_entries")
        == "\(counted.count)|\(counted.reduce(0) { $0 + $1.tokens })")
    for _ in 0..<60 { try await compareSeries(database.store, counted, &random) }
    for _ in 0..<20 { try await compareShadows(database.store, all, &random) }
  }

  /// Any span: the answer is that of the hours in it, whatever it was read from.
  private func compareSeries(
    _ store: PostgresStore, _ entries: [LedgerEntry], _ random: inout SeededRandom
  ) async throws {
    let (from, to) = Self.span(&random)
    let interval = UsageFilter.Interval.allCases.randomElement(using: &random) ?? .day
    let account: AccountID = Bool.random(using: &random) ? .tenant("t1") : .user("u2")
    let byFeature = Bool.random(using: &random)
    var expected: [Int64: [String?: UsagePoint]] = [:]
    for entry in entries where (account.kind == .user ? entry.user : entry.tenant) == account.id {
      let hour = entry.id.milliseconds - entry.id.milliseconds % 3_600_000
      guard hour >= from - from % 3_600_000, hour < to else { continue }
      let start = Self.start(of: interval, hour)
      let feature = byFeature ? entry.feature : nil
      var point =
        expected[start]?[feature]
        ?? UsagePoint(start: Instant(milliseconds: start), feature: feature, tokens: 0, entries: 0)
      point.tokens += entry.tokens
      point.entries += 1
      expected[start, default: [:]][feature] = point
    }
    let points = expected.values.flatMap(\.values).sorted {
      ($0.start.milliseconds, $0.feature ?? "") < ($1.start.milliseconds, $1.feature ?? "")
    }
    let filter = UsageFilter(
      account: account, from: Instant(milliseconds: from), to: Instant(milliseconds: to), interval: interval,
      byFeature: byFeature)
    #expect(try await store.usage(filter) == points, "\(filter)")
  }

  private func compareShadows(
    _ store: PostgresStore, _ entries: [LedgerEntry], _ random: inout SeededRandom
  ) async throws {
    let (from, to) = Self.span(&random)
    let interval = UsageFilter.Interval.allCases.randomElement(using: &random) ?? .day
    let feature = Bool.random(using: &random) ? "chat" : nil
    struct Place: Hashable {
      let start: Int64
      let feature: String
      let limit: String
    }
    var expected: [Place: (entries: Int64, tokens: Int64, users: Set<String>)] = [:]
    for entry in entries where feature == nil || entry.feature == feature {
      let hour = entry.id.milliseconds - entry.id.milliseconds % 3_600_000
      guard hour >= from - from % 3_600_000, hour < to else { continue }
      for name in entry.shadowed.names {
        let place = Place(start: Self.start(of: interval, hour), feature: entry.feature, limit: name)
        expected[place, default: (0, 0, [])].entries += 1
        expected[place]?.tokens += entry.hold?.tokens ?? entry.tokens
        expected[place]?.users.insert(entry.user)
      }
    }
    let uses = expected.map { place, sum in
      ShadowedUse(
        start: Instant(milliseconds: place.start), feature: place.feature, limit: place.limit,
        entries: sum.entries, tokens: sum.tokens, users: Int64(sum.users.count))
    }
    .sorted { ($0.start.milliseconds, $0.feature, $0.limit) < ($1.start.milliseconds, $1.feature, $1.limit) }
    let filter = ShadowFilter(
      from: Instant(milliseconds: from), to: Instant(milliseconds: to), interval: interval, feature: feature)
    #expect(try await store.shadowedUse(filter) == uses, "\(filter)")
  }

  private static func span(_ random: inout SeededRandom) -> (from: Int64, to: Int64) {
    let ends = (0..<2).map { _ in
      // To the millisecond, to the hour or to the day.
      let unit = ([1, 3_600_000, 86_400_000] as [Int64]).randomElement(using: &random) ?? 1
      let moment = start + Int64.random(in: -20 * 3_600_000..<120 * 3_600_000, using: &random)
      return moment - moment % unit
    }
    return (min(ends[0], ends[1]), max(ends[0], ends[1]) + 1)
  }

  private static func start(of interval: UsageFilter.Interval, _ hour: Int64) -> Int64 {
    switch interval {
    case .hour: hour
    case .day: hour - hour % 86_400_000
    case .month:
      hour < december.milliseconds ? december.milliseconds - 30 * 86_400_000 : december.milliseconds
    }
  }
}
