import BillingStores
import Gate
import StripeFake
import Testing

/// One history under test: its letters, where they lead in the order in which things happened, and whether another
/// order leads there too.
struct Trial {
  let history: History
  private(set) var graph: StateGraph
  let truth: Truth
  private let resets: Resets
  private let hindsight: Hindsight?
  /// Where every order must end.
  private(set) var wanted = EndState(lines: [])

  var letters: [Letter] { graph.letters }
  var isAsking: Bool { hindsight != nil }

  /// With `isAsking`, as with an API key, everything is delivered after it happened, and Stripe answers as of then.
  init(_ history: History, _ letters: [Letter], isAsking: Bool) async throws {
    self.history = history
    graph = StateGraph(history, letters, asking: isAsking ? World(history.account) : nil)
    truth = Truth(history)
    resets = Resets(history)
    hindsight = isAsking ? Hindsight(history) : nil
    let order = Array(letters.indices)
    let state = try await graph.walk(order)
    wanted = view(state)
    let ordered = wanted.keeping { !$0.hasPrefix("event") }
    let told = hindsight?.view(truth.end) ?? truth.end
    if ordered != told {
      report("in the order in which it happened", order, ordered.difference(to: told, "here", "at Stripe"))
    }
    let odd = wanted.lines.filter {
      $0.hasPrefix("event") && !$0.hasSuffix("processed") && !$0.hasSuffix("ignored")
    }
    if !odd.isEmpty { report("left over", order, odd.sorted().joined(separator: "\n")) }
    if !isAsking, graph.footprints[state].state.grants.count != truth.resets {
      report(
        "resets", order,
        "\(graph.footprints[state].state.grants.count) resets of \(truth.resets) paid periods")
    }
  }

  /// The end that a state is, as far as it can be compared.
  private mutating func view(_ state: Int) -> EndState {
    hindsight?.view(graph.end(state)) ?? graph.end(state)
  }

  /// Walks one order, which may have letters several times, and reports an end that is another. True when all is
  /// well.
  @discardableResult
  mutating func check(_ order: [Int]) async throws -> Bool {
    let state = try await graph.walk(order)
    return try await check(state, order)
  }

  private mutating func check(_ state: Int, _ order: [Int]) async throws -> Bool {
    let end = view(state)
    let stored = graph.footprints[state].state
    if let fault = resets.fault(stored, after: order.map { letters[$0] }, isAsking: isAsking) {
      report("resets", order, fault)
      return false
    }
    guard end != wanted else { return true }
    let odd = end.lines.symmetricDifference(wanted.lines)
    let least = try await order.shrunk { fewer in try await self.isStillOdd(fewer, odd) }
    let (here, there) = (view(try await graph.walk(least)), view(try await graph.walk(inOrder(least))))
    report("in another order", least, here.difference(to: there, "in this order", "in the order of time"))
    return false
  }

  private func inOrder(_ order: [Int]) -> [Int] { Set(order).sorted() }

  /// Whether fewer letters still end in two ways, in one of the lines that were odd before.
  private mutating func isStillOdd(_ fewer: [Int], _ odd: Set<String>) async throws -> Bool {
    let told = history.keeping(inOrder(fewer).map { letters[$0].happening })
    guard isAsking || Decidability(told).isDecided else { return false }
    let (here, there) = (view(try await graph.walk(fewer)), view(try await graph.walk(inOrder(fewer))))
    return !here.lines.symmetricDifference(there.lines).isDisjoint(with: odd)
  }

  /// Every order of the last `count` letters, after all before them in the order of time; how many orders.
  mutating func checkEveryOrder(ofLast count: Int) async throws -> Int {
    let count = min(count, letters.count)
    let first = Array(0..<letters.count - count)
    let chosen = Array(letters.count - count..<letters.count)
    let start = try await graph.walk(first)
    for (state, order) in try await graph.everyOrder(of: chosen, from: start) {
      guard try await check(state, first + order) else { break }
    }
    return chosen.indices.reduce(1) { $0 * ($1 + 1) }
  }

  private func report(_ what: String, _ order: [Int], _ difference: String) {
    Issue.record(
      """
      \(what)\(isAsking ? ", with an API key" : ""); TOLLGATE_TEST_SEED=\(Seed.base), \(history.summary)
      \(order.map { "  \($0) \(letters[$0])" }.joined(separator: "\n"))
      \(difference)
      """)
  }
}
