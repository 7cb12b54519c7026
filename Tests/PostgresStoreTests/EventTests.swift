import Gate
import PostgresStore
import TestServers
import Testing

@Suite struct EventTests {
  static let reset = december.advanced(seconds: 2_678_400)

  static func crossing(
    _ percent: Int64 = 80, at milliseconds: Int64 = 0, bucket: Int = 0, side: LedgerEntry.Side = .user,
    user: String = "u1", tenant: String? = nil, start: Instant = december, resets: Instant? = reset
  ) -> LedgerEntry {
    LedgerEntry(
      bucket: bucket, id: StreamID(milliseconds: december.milliseconds + milliseconds, sequence: percent),
      kind: .threshold, side: side, operation: "op\(bucket)-\(milliseconds)-\(percent)", user: user,
      tenant: tenant, feature: "chat", tokens: 0,
      crossing: ThresholdCrossing(
        percent: percent, periodStart: start, used: 1200, limit: 1000, resetsAt: resets))
  }

  /// However often it is told of, under whatever stream id, in whatever batches, by however many gates.
  @Test func oneEventPerBudgetPeriodAndPercent() async throws {
    let database = try await TestDatabase.make(connections: 8)
    try await database.store.registerTargets([EventTarget(name: "crm"), EventTarget(name: "mail")])
    let percents: [Int64] = [50, 80, 100]
    try await withThrowingTaskGroup(of: Void.self) { group in
      for gate in 0..<8 {
        group.addTask {
          // Two buckets: of a user that changed tenants. Each gate has it under ids of its own, twice.
          let bucket = gate % 2
          for round in 0..<5 {
            let entries = percents.flatMap { percent in
              [0, 1].map {
                Self.crossing(
                  percent, at: Int64(gate * 1000 + round * 10 + $0), bucket: bucket,
                  user: "u\(1 + round % 2)")
              }
            }
            try await database.store.book(
              gate % 3 == 0 ? entries.reversed() : entries, bucket: bucket, epoch: Int64(1 + round % 2))
          }
        }
      }
      try await group.waitForAll()
    }
    let events = try await database.store.events(EventFilter(), PageRequest(limit: 200)).items
    let keys = events.map { "\($0.account) \($0.data.contains(#""percent": 80"#))" }.sorted()
    #expect(events.count == 6, "\(keys)")
    #expect(try await database.sql("SELECT count(*) FROM tollgate.event_deliveries") == "12")
    // Another period is another event, and so is another account.
    let more = [
      Self.crossing(at: 90_000, start: Self.reset), Self.crossing(at: 90_001, user: "u3"),
      Self.crossing(at: 90_002, side: .tenant, user: "", tenant: "u1"), Self.crossing(51, at: 90_003),
    ]
    try await database.store.book(more + more, bucket: 0, epoch: 3)
    #expect(try await database.sql("SELECT count(*) FROM tollgate.events") == "10")
    // Nobody has used anything by that.
    #expect(try await database.sql("SELECT count(*) FROM tollgate.usage_entries") == "0")
    #expect(try await database.sql("SELECT count(*) FROM tollgate.ledger_hourly") == "0")
  }

  @Test func whatAnEventTells() async throws {
    let database = try await TestDatabase.make()
    var change = UserChange()
    change.plan = .set("pro")
    _ = try await database.store.putUser("u1", change, actor: "cli")
    try await database.store.book(
      [
        Self.crossing(80, at: 1, tenant: "t1"),
        Self.crossing(
          100, at: 2500, side: .tenant, user: "u1", tenant: "t1", start: Instant(milliseconds: 0), resets: nil
        ),
      ], bucket: 0, epoch: 1)
    let events = try await database.store.events(EventFilter(), PageRequest()).items
    #expect(events.map(\.account) == [.tenant("t1"), .user("u1")])
    #expect(events.allSatisfy { $0.type == "budget.threshold_reached" && $0.status == .unsent })
    #expect(events.allSatisfy { $0.user == "u1" && $0.tenant == "t1" })
    #expect(events.map(\.occurredAt.milliseconds) == [2500, 1].map { december.milliseconds + $0 })
    #expect(Set(events.map(\.id)).count == 2 && events.allSatisfy { $0.id.hasPrefix("evt_") })
    let data = try await database.sql(
      """
      SELECT string_agg(concat_ws(' ', data->>'scope', data->>'user', data->>'tenant',
        coalesce(data->>'plan', '-'), data->>'percent', data->>'used', data->>'limit', data->>'remaining',
        coalesce(data->>'period_start', '-'), coalesce(data->>'resets_at', '-')), E'\n' ORDER BY number)
      FROM tollgate.events
      """)
    #expect(
      data == """
        user u1 t1 pro 80 1200 1000 0 2026-12-01T00:00:00Z 2027-01-01T00:00:00Z
        tenant u1 t1 - 100 1200 1000 0 - -
        """)
    let keys = try await database.sql(
      "SELECT count(DISTINCT k) FROM tollgate.events, jsonb_object_keys(data) k")
    #expect(keys == "10")
  }

  @Test func targetsAreToldOfWhatHappensOnceTheyAreKnown() async throws {
    let database = try await TestDatabase.make()
    try await database.store.registerTargets([EventTarget(name: "a"), EventTarget(name: "c", types: ["x.y"])])
    try await database.store.book([Self.crossing(50)], bucket: 0, epoch: 1)
    let type = EventType.thresholdReached.rawValue
    try await database.store.registerTargets([EventTarget(name: "b", types: [type])])
    try await database.store.book([Self.crossing(80)], bucket: 0, epoch: 1)
    // A restart of a gate changes nothing of it, but what a target takes.
    try await database.store.registerTargets([EventTarget(name: "a", types: ["x.y"]), EventTarget(name: "b")])
    try await database.store.book([Self.crossing(100)], bucket: 0, epoch: 1)
    let sent = try await database.sql(
      """
      SELECT string_agg(e.data->>'percent' || d.target, ' ' ORDER BY e.number, d.target)
      FROM tollgate.events e JOIN tollgate.event_deliveries d ON d.event_number = e.number
      """)
    #expect(sent == "50a 80a 80b 100b")
  }

  @Test func listsAreFilteredAndPaged() async throws {
    let database = try await TestDatabase.make()
    try await database.store.registerTargets([EventTarget(name: "a"), EventTarget(name: "b")])
    for number in 0..<5 {
      try await database.store.book(
        [Self.crossing(at: Int64(number), user: "u\(number)")], bucket: 0, epoch: 1)
    }
    let now = try #require(try await database.pool.query("SELECT now()").instant(0, 0)).advanced(seconds: 60)
    let store = database.store
    func finish(_ target: String, _ end: EventAttemptEnd) async throws {
      let claim = try #require(
        try await store.claimDeliveries(to: target, limit: 1, now: now, leaseMilliseconds: 1000).first)
      #expect(try await store.finish(claim, end, now: now))
    }
    // u0: both; u1: one of them has failed; u2: one waits still.
    for target in ["a", "b"] { try await finish(target, .delivered(status: 200)) }
    try await finish("a", .failed(status: 500, error: "no"))
    try await finish("b", .retry(at: now.advanced(seconds: 5), status: nil, error: "no"))
    try await finish("a", .delivered(status: 200))
    func users(_ filter: EventFilter) async throws -> [String?] {
      try await store.events(filter, PageRequest()).items.map(\.user)
    }
    #expect(try await users(EventFilter(status: .delivered)) == ["u0"])
    #expect(try await users(EventFilter(status: .failed)) == ["u1"])
    #expect(try await users(EventFilter(status: .pending)) == ["u4", "u3", "u2"])
    #expect(try await users(EventFilter(status: .unsent)) == [])
    #expect(try await users(EventFilter(account: .user("u3"))) == ["u3"])
    #expect(try await users(EventFilter(account: .tenant("u3"))) == [])
    #expect(try await users(EventFilter(type: "x.y")) == [])
    let first = try await store.events(EventFilter(), PageRequest(limit: 3))
    #expect(first.items.map(\.user) == ["u4", "u3", "u2"])
    let second = try await store.events(EventFilter(), PageRequest(limit: 3, cursor: first.nextCursor))
    #expect(second.items.map(\.user) == ["u1", "u0"] && second.nextCursor == nil)
    await #expect(throws: StoreError.self) {
      try await store.events(EventFilter(), PageRequest(limit: 3, cursor: "x"))
    }
    #expect(try await store.event("evt_nowhere") == nil)
  }

  @Test func oldEventsAreDroppedOnceTheirPeriodIsOver() async throws {
    let database = try await TestDatabase.make()
    try await database.store.registerTargets([EventTarget(name: "a"), EventTarget(name: "gone")])
    func day(_ number: Int64) async throws -> Instant {
      try #require(try await database.pool.query("SELECT now()").instant(0, 0)).advanced(
        seconds: 86_400 * number)
    }
    let ends: [(String, Instant?)] = [
      ("over", try await day(-91)), ("young", try await day(-91)), ("waiting", try await day(-91)),
      ("forgotten", try await day(-91)), ("going_on", try await day(-89)), ("endless", nil),
    ]
    for (index, end) in ends.enumerated() {
      try await database.store.book(
        [Self.crossing(at: Int64(index), user: end.0, resets: end.1)], bucket: 0, epoch: 1)
    }
    try await database.sql(
      """
      UPDATE tollgate.events SET created_at = now() - interval '100 days' WHERE user_id <> 'young';
      UPDATE tollgate.event_deliveries SET status = 'delivered', delivered_at = now() WHERE target = 'a'
        AND event_number NOT IN (SELECT number FROM tollgate.events WHERE user_id = 'waiting');
      DELETE FROM tollgate.event_deliveries WHERE target = 'gone'
        AND event_number NOT IN (SELECT number FROM tollgate.events WHERE user_id = 'forgotten');
      UPDATE tollgate.event_deliveries SET pending_since = now() - interval '2 days';
      """)
    let left = "SELECT string_agg(user_id, ' ' ORDER BY number) FROM tollgate.events"
    try await database.store.pruneEvents(keepDays: 90)
    #expect(try await database.sql(left) == "young waiting forgotten going_on endless")
    // No gate has had it for a day: what waited for it is given up, and the event may go.
    try await database.store.keepTargets(["a"])
    try await database.sql(
      "UPDATE tollgate.event_targets SET seen_at = now() - interval '25 hours' WHERE name = 'gone'")
    try await database.store.pruneEvents(keepDays: 90)
    #expect(try await database.sql(left) == "young waiting going_on endless")
    #expect(try await database.sql("SELECT string_agg(name, ' ') FROM tollgate.event_targets") == "a")
    // Its row is what keeps it one.
    try await database.store.book(
      [Self.crossing(at: 99, user: "endless", resets: nil)], bucket: 0, epoch: 2)
    #expect(try await database.sql(left) == "young waiting going_on endless")
  }
}
