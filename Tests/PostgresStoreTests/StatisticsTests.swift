import Gate
import PostgresStore
import TestServers
import Testing

@Suite struct StatisticsTests {
  private let start = Instant(milliseconds: 1_795_000_200_000)

  private func row(_ allowed: UInt64, bucket: Int = 5, denied: [String: UInt64] = [:]) -> DecisionRow {
    DecisionRow(decisions: ["check.allowed": allowed], latencies: [bucket: allowed], denied: denied)
  }

  @Test func minutesOfAllGatesAreSummedUp() async throws {
    let store = try await TestDatabase.make().store
    for minute in 0..<10 {
      for gate in ["a", "b"] {
        // A minute that is under way is written again as it grows.
        for part in [1, 2] as [UInt64] {
          let count = UInt64(minute) * part
          try await store.writeDecisions(
            gate: gate, minute: start.advanced(seconds: Int64(minute) * 60),
            row(count, bucket: minute % 2, denied: minute < 9 ? ["u\(minute)": count] : [:]))
        }
      }
    }
    let end = start.advanced(seconds: 600)
    let all = try await store.decisions(
      DecisionWindow(from: start, to: end, stepSeconds: 300, gate: "", without: []))
    #expect(all.values.reduce(0) { $0 + ($1.decisions["check.allowed"] ?? 0) } == 180)
    #expect(all.values.reduce(0) { $0 + ($1.latencies[1] ?? 0) } == 100)
    #expect(Set(all.keys) == [start, start.advanced(seconds: 300)])
    #expect(all[start]?.denied["u8"] == 32 && all[start]?.denied.count == 9)
    // What the answering gate knows better is left out, of that gate alone.
    let rest = try await store.decisions(
      DecisionWindow(
        from: start.advanced(seconds: 540), to: end, stepSeconds: 60, gate: "a",
        without: [start.advanced(seconds: 540)]))
    #expect(rest.count == 1 && rest.values.first?.decisions == ["check.allowed": 18])
    #expect(try await store.gatesAlive(withinSeconds: 60) == [])
  }

  @Test func gatesThatWriteAreAlive() async throws {
    let database = try await TestDatabase.make()
    let now = Instant(
      milliseconds: (Int64(try await database.sql("SELECT extract(epoch FROM now())::bigint")) ?? 0) * 1000)
    try await database.store.writeDecisions(gate: "a", minute: now, row(1))
    try await database.store.writeDecisions(gate: "b", minute: now, row(1))
    #expect(try await database.store.gatesAlive(withinSeconds: 30) == ["a", "b"])
    try await database.sql(
      "UPDATE tollgate.decision_minutes SET seen_at = now() - interval '1 minute' WHERE gate = 'a'")
    #expect(try await database.store.gatesAlive(withinSeconds: 30) == ["b"])
  }

  @Test func oldMinutesBecomeHours() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    let now = Instant(
      milliseconds: (Int64(try await database.sql("SELECT extract(epoch FROM now())::bigint")) ?? 0) * 1000)
    let hour = Instant(milliseconds: now.milliseconds / 3_600_000 * 3_600_000)
    let old = hour.advanced(seconds: -3 * 86_400)
    for minute in 0..<60 {
      for gate in ["a", "b"] {
        try await store.writeDecisions(
          gate: gate, minute: old.advanced(seconds: Int64(minute) * 60), row(3, denied: ["u": 1]))
      }
    }
    try await store.writeDecisions(gate: "a", minute: hour, row(7))
    try await store.writeDecisions(gate: "a", minute: hour.advanced(seconds: -40 * 86_400), row(1000))
    let window = DecisionWindow(
      from: hour.advanced(seconds: -30 * 86_400), to: now.advanced(seconds: 60), stepSeconds: 3600, gate: "",
      without: [])
    let before = try await store.decisions(window)
    for _ in 0..<2 { try await store.foldDecisions(keepingDays: 32) }
    #expect(try await store.decisions(window) == before)
    #expect(before[old]?.decisions == ["check.allowed": 360])
    #expect(try await database.sql("SELECT count(*), max(span_s) FROM tollgate.decision_minutes") == "2|3600")
  }

  /// Long windows read sums where there are any, and come to the same as without.
  @Test func sumsStandForTheirMinutes() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    let now = try #require(
      Instant(
        rfc3339: try await database.sql(
          "SELECT to_char(date_trunc('hour', now() AT TIME ZONE 'UTC' - interval '1 hour'), 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
        )))
    let from = now.advanced(seconds: -3 * 3600 - 600)
    for minute in 0..<190 {
      for gate in ["a", "b"] {
        try await store.writeDecisions(
          gate: gate, minute: from.advanced(seconds: Int64(minute) * 60),
          row(UInt64(minute), denied: ["u\(minute % 7)": 1]))
      }
    }
    func windows(without minutes: [Instant] = []) -> [DecisionWindow] {
      [60, 300, 600, 900, 3600, 7200].map { step in
        DecisionWindow(
          from: from.advanced(seconds: 120), to: now.advanced(seconds: 60), stepSeconds: step, gate: "a",
          without: minutes)
      }
    }
    func read(_ windows: [DecisionWindow]) async throws -> [[Instant: DecisionRow]] {
      var rows: [[Instant: DecisionRow]] = []
      for window in windows { rows.append(try await store.decisions(window)) }
      return rows
    }
    let own = [from.advanced(seconds: 3600)]
    let (before, beforeOwn) = (try await read(windows()), try await read(windows(without: own)))
    var made: Int64 = 0
    while case let count = try await store.sumUpDecisions(sumsMax: 7), count > 0 { made += count }
    // 38 of five minutes; of the hours the first is there in part, and is one too.
    #expect(made == 38 + 4)
    #expect(try await store.sumUpDecisions() == 0)
    #expect(try await read(windows()) == before)
    #expect(try await read(windows(without: own)) == beforeOwn)
    // They are really what is read.
    try await database.sql("UPDATE tollgate.decision_sums SET decisions = '{\"check.allowed\": 0}'")
    #expect(try await store.decisions(windows()[4]) != before[4])
    #expect(try await store.decisions(windows()[0]) == before[0])
    // A minute that comes late takes its sums away.
    try await store.writeDecisions(gate: "a", minute: from.advanced(seconds: 3600), row(5))
    #expect(try await store.sumUpDecisions() == 2)
  }

  @Test func whoUsedTheMostAndWhatWaits() async throws {
    let database = try await TestDatabase.make()
    for (user, tokens) in [("u1", 10), ("u2", 30), ("u3", 20)] as [(String, Int64)] {
      try await database.store.book(
        [BookingTests.entry(december.milliseconds + tokens, user: user, tokens: tokens)], bucket: 0, epoch: 1)
    }
    let top = try await database.store.topUsers(from: december.advanced(seconds: 60), limit: 2)
    #expect(top.map(\.user) == ["u2", "u3"] && top.map(\.tokens) == [30, 20])
    #expect(try await database.store.topUsers(from: december.advanced(seconds: 3600), limit: 2).isEmpty)
    // Two days on, and from the middle of the first: hours of that one, and then days.
    let day: Int64 = 86_400_000
    for (user, at) in [("u1", day / 2), ("u1", 2 * day + 5), ("u3", day + 7)] as [(String, Int64)] {
      try await database.store.book(
        [BookingTests.entry(december.milliseconds + at, user: user, tokens: 15)], bucket: 0, epoch: 1)
    }
    let later = try await database.store.topUsers(from: december.advanced(seconds: 40_000), limit: 5)
    #expect(later.map(\.user) == ["u1", "u3"] && later.map(\.tokens) == [30, 15])
    let all = try await database.store.topUsers(from: december.advanced(seconds: -86_400), limit: 5)
    #expect(all.map(\.tokens) == [40, 35, 30])
    _ = try await database.store.putUser("u1", UserChange(), actor: "cli")
    try await database.sql(
      """
      INSERT INTO tollgate.webhook_events_processed (event_id, type, status)
      VALUES ('e1', 't', 'unmatched'), ('e2', 't', 'unmatched'), ('e3', 't', 'failed'), ('e4', 't', 'processed')
      """)
    let waiting = try await database.store.backlogs()
    #expect(waiting.outboxRows == 1 && waiting.unmatchedEvents == 2 && waiting.failedEvents == 1)
    #expect((0...60_000).contains(waiting.outboxAgeMilliseconds))
  }

  @Test func aLeaseHasOneHolder() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    #expect(try await store.lease("work", holder: "a", seconds: 60))
    #expect(try await !store.lease("work", holder: "b", seconds: 60))
    #expect(try await store.lease("other", holder: "b", seconds: 60))
    #expect(try await store.lease("work", holder: "a", seconds: 60))
    try await store.release(lease: "work", holder: "b")
    #expect(try await !store.lease("work", holder: "b", seconds: 60))
    try await store.release(lease: "work", holder: "a")
    #expect(try await store.lease("work", holder: "b", seconds: 60))
    try await database.sql("UPDATE tollgate.leases SET expires_at = now() - interval '1 second'")
    #expect(try await store.lease("work", holder: "c", seconds: 60))
  }
}
