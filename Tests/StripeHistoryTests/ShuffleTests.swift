import StripeFake
import Testing

/// 10,000 random orders of histories of more than six events, with events that come twice, three times, and under
/// another id.
@Suite struct ShuffleTests {
  static let shufflesEach = 25

  /// Without a key: the histories of which the payloads decide the end.
  @Test(arguments: 0..<2) func payloadsAlone(part: UInt64) async throws {
    try await shuffle(part: part, shuffles: 4000, isAsking: false)
  }

  /// With one: all of them.
  @Test(arguments: 0..<2) func askingStripe(part: UInt64) async throws {
    try await shuffle(part: 2 + part, shuffles: 1000, isAsking: true)
  }

  private func shuffle(part: UInt64, shuffles: Int, isAsking: Bool) async throws {
    var counts = Counts()
    for seed in Seed.histories(10 + part) {
      guard counts.orders < shuffles * Seed.times else { break }
      var random = SplitMix(seed: seed)
      let history = HistoryMaker.make(seed: seed, operations: Int.random(in: 3...5, using: &random))
      counts.made += 1
      let decidability = Decidability(history)
      counts.note(decidability)
      guard isAsking || decidability.isDecided else { continue }
      var letters = history.letters(&random)
      let count = letters.filter(\.matters).count
      guard (7...26).contains(count) else { continue }
      for letter in letters where random.chance(12) { letters.append(history.twin(of: letter, &random)) }
      // In the order of time a twin comes with its own.
      letters.sort { $0.happening.moment < $1.happening.moment }
      var trial = try await Trial(history, letters, isAsking: isAsking)
      for _ in 0..<Self.shufflesEach {
        var order = Array(letters.indices)
        for index in letters.indices where random.chance(20) {
          order += Array(repeating: index, count: random.chance(30) ? 2 : 1)
        }
        order.shuffle(using: &random)
        guard try await trial.check(order) else { break }
        counts.orders += 1
      }
      counts.histories += 1
      counts.deliveries += trial.graph.deliveries
      counts.note(history)
    }
    print("shuffles\(isAsking ? " with a key" : ""): \(counts)")
    #expect(counts.orders >= shuffles * Seed.times)
    #expect(counts.operations.count > 15)
  }
}
