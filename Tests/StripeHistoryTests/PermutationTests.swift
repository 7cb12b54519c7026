import StripeFake
import Testing

/// Every order of up to six events, after whatever came before them.
@Suite struct PermutationTests {
  static let lettersMax = 6

  @Test(arguments: [false, true]) func everyOrderEndsInOneState(isAsking: Bool) async throws {
    var counts = Counts()
    for seed in Seed.histories(isAsking ? 2 : 1) {
      guard counts.histories < (isAsking ? 25 : 45) * Seed.times else { break }
      let whole = HistoryMaker.make(seed: seed, operations: 4)
      var random = SplitMix(seed: seed)
      let letters = whole.letters(&random).filter(\.matters)
      counts.made += 1
      // Up to each of its operations it is a history too.
      for count in 1..<whole.moments.count {
        let history = whole.upTo(count)
        guard isAsking || Decidability(history).isDecided else { continue }
        let told = letters.filter { $0.happening.moment <= count }
        guard told.count <= 64, told.count > 1 else { continue }
        var trial = try await Trial(history, told, isAsking: isAsking)
        counts.orders += try await trial.checkEveryOrder(ofLast: Self.lettersMax)
        counts.deliveries += trial.graph.deliveries
        counts.histories += 1
        counts.note(history)
      }
    }
    print("permutations\(isAsking ? " with a key" : ""): \(counts)")
    #expect(counts.orders > 10_000)
    #expect(counts.operations.count > 8)
  }

  /// To walk through shared states is to deliver one letter after the other.
  @Test func statesAreShared() async throws {
    for seed in Seed.histories(3).prefix(3) {
      let history = HistoryMaker.make(seed: seed, operations: 2)
      var random = SplitMix(seed: seed)
      let letters = history.letters(&random)
      for _ in 0..<5 {
        let order = letters.indices.shuffled(using: &random)
        var graph = StateGraph(history, letters)
        let state = try await graph.walk(order)
        let end = try await history.post(order.map { letters[$0] })
        #expect(graph.end(state) == end)
      }
    }
  }
}
