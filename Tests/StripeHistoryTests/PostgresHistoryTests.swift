import Billing
import BillingStores
import Gate
import PostgresStore
import StripeFake
import TestServers
import Testing

/// The same on a real Postgres, which must end as the model in memory does.
@Suite struct PostgresHistoryTests {
  /// Signed bodies, shuffled, some of them twice.
  @Test(arguments: 0..<2) func endsAsInMemory(part: UInt64) async throws {
    let database = try await HistoryDatabase()
    var counts = Counts()
    for seed in Seed.histories(30 + part) {
      guard counts.orders < 60 * Seed.times else { break }
      var random = SplitMix(seed: seed)
      let history = HistoryMaker.make(seed: seed, operations: Int.random(in: 2...6, using: &random))
      counts.made += 1
      guard Decidability(history).isDecided else { continue }
      let letters = history.letters(&random)
      let wanted = try await history.post(letters)
      for shuffle in 0..<3 {
        let order = shuffle == 0 ? letters : (letters + letters.prefix(5)).shuffled(using: &random)
        try await database.clear(for: history)
        let bench = try HistoryBench(database.store)
        for letter in order { #expect(await bench.postUntilReceived(letter, now: history.end) == .received) }
        counts.orders += 1
        counts.deliveries += order.count
        try await compare(database, history, wanted, order)
      }
      counts.histories += 1
      counts.note(history)
    }
    print("on Postgres: \(counts)")
    await database.close()
  }

  /// All at once: twelve deliveries under way at any time, each letter twice. With many places each is by itself,
  /// with few those that wait are done in groups.
  @Test(arguments: [16, 2, 1]) func allAtOnce(places: Int) async throws {
    let database = try await HistoryDatabase()
    var counts = Counts()
    for seed in Seed.histories(33) {
      guard counts.orders < 40 * Seed.times else { break }
      var random = SplitMix(seed: seed)
      let history = HistoryMaker.make(seed: seed, operations: Int.random(in: 2...5, using: &random))
      counts.made += 1
      guard Decidability(history).isDecided else { continue }
      let letters = history.letters(&random)
      let wanted = try await history.post(letters)
      let order = (letters + letters).shuffled(using: &random)
      try await database.clear(for: history)
      let bench = try HistoryBench(database.store, admission: WebhookAdmission(runningMax: places))
      await bench.deliverAtOnce(order, now: history.end)
      // An event that was stored as unmatched while what it waits for was being committed is found by the next pass.
      await bench.processor.events.replayUnmatched(waitingFor: nil, now: Instant(seconds: history.end))
      counts.orders += 1
      counts.deliveries += order.count
      try await compare(database, history, wanted, order)
      counts.histories += 1
      counts.note(history)
    }
    print("at once on Postgres, \(places) places: \(counts)")
    await database.close()
  }

  private func compare(
    _ database: HistoryDatabase, _ history: History, _ wanted: EndState, _ order: [Letter]
  ) async throws {
    let end = try await database.end(now: Instant(seconds: history.end))
    guard end != wanted else { return }
    Issue.record(
      """
      on Postgres; TOLLGATE_TEST_SEED=\(Seed.base), \(history.summary)
      \(order.map { "  \($0)" }.joined(separator: "\n"))
      \(end.difference(to: wanted, "Postgres", "in memory, in the order of time"))
      """)
  }
}
