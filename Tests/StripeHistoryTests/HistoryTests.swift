import BillingStores
import Gate
import StripeFake
import Testing

/// Histories as they happened, each event posted once, in its order: billing ends where Stripe is.
@Suite struct HistoryTests {
  @Test func endsWhereStripeIs() async throws {
    var counts = Counts()
    for seed in Seed.histories(0).prefix(150 * Seed.times) {
      let history = HistoryMaker.make(seed: seed, operations: 8)
      var random = SplitMix(seed: seed)
      let letters = history.letters(&random)
      let end = try await history.post(letters).keeping { !$0.hasPrefix("event") }
      let truth = Truth(history)
      if end != truth.end {
        Issue.record(
          """
          TOLLGATE_TEST_SEED=\(Seed.base), \(history.summary)
          \(letters.map { "  \($0)" }.joined(separator: "\n"))
          \(end.difference(to: truth.end, "here", "at Stripe"))
          """)
      }
      counts.made += 1
      counts.histories += 1
      counts.orders += 1
      counts.deliveries += letters.count
      counts.note(history)
      counts.note(Decidability(history))
    }
    print("as they happened: \(counts)")
    // Everything that can happen does.
    #expect(Set(Operation.allCases.map(\.rawValue)).subtracting(counts.operations.keys).count < 8)
  }

  /// The same seed makes the same history, to the byte.
  @Test func seedsAreKept() throws {
    for seed in Seed.histories(9).prefix(5) {
      let bodies = (0..<2).map { _ in
        var random = SplitMix(seed: seed)
        return HistoryMaker.make(seed: seed, operations: 6).letters(&random).map(\.body)
      }
      #expect(bodies[0] == bodies[1])
      #expect(!bodies[0].isEmpty)
    }
  }
}
