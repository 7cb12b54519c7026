import Billing
import BillingStores
import Gate
import StripeFake
import Testing

/// With an API key, while the history goes on: each event comes when it happens or some operations later, and
/// Stripe answers as of then.
@Suite struct InterleavedTests {
  @Test func lateEventsFindStripeAhead() async throws {
    var counts = Counts()
    for seed in Seed.histories(20) {
      guard counts.histories < 120 * Seed.times else { break }
      var random = SplitMix(seed: seed)
      let history = HistoryMaker.make(seed: seed, operations: Int.random(in: 3...7, using: &random))
      counts.made += 1
      let letters = history.letters(&random).filter(\.matters)
      let truth = Truth(history)
      let hindsight = Hindsight(history)
      for latest in [0, 3] {
        let end = try await run(history, letters, latest: latest, &random)
        let ordered = end.keeping { !$0.hasPrefix("event") }
        // What comes at once leaves nothing open.
        let (here, there) =
          latest == 0 ? (ordered, truth.end) : (hindsight.view(ordered), hindsight.view(truth.end))
        counts.orders += 1
        counts.deliveries += letters.count
        if here != there {
          Issue.record(
            """
            up to \(latest) operations late; TOLLGATE_TEST_SEED=\(Seed.base), \(history.summary)
            \(letters.map { "  \($0.happening.moment) \($0)" }.joined(separator: "\n"))
            \(here.difference(to: there, "here", "at Stripe"))
            """)
        }
      }
      counts.histories += 1
      counts.note(history)
    }
    print("interleaved: \(counts)")
    #expect(counts.operations.count > 15)
  }

  private func run(
    _ history: History, _ letters: [Letter], latest: Int, _ random: inout SplitMix
  ) async throws -> EndState {
    let store = MemoryBillingStore(history.blank)
    let world = World(history.account)
    let bench = try HistoryBench(store, asking: world)
    let moments = letters.map { letter in
      min(letter.happening.moment + Int.random(in: 0...latest, using: &random), history.moments.count - 1)
    }
    for moment in history.moments.indices {
      world.show(history.moments[moment].account)
      var due = letters.indices.filter { moments[$0] == moment }
      if latest > 0 { due.shuffle(using: &random) }
      for index in due {
        let answer = await bench.deliver(letters[index], now: history.moments[moment].account.now + 1)
        #expect(answer == .received)
      }
    }
    return EndState(store.now, now: Instant(seconds: history.end))
  }
}
