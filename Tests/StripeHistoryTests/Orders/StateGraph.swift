import Billing
import BillingStores
import Gate

/// Where the orders of a history's letters lead. Orders that come to the same state by the same letters go on alike,
/// so a delivery in a state is done once, however many orders pass there: the n! orders of n letters are a few
/// states for each of their 2ⁿ sets.
struct StateGraph {
  struct Refused: Error, CustomStringConvertible {
    var description: String
  }
  private struct Edge: Hashable {
    var state: Int
    var letter: Int
  }

  let history: History
  let letters: [Letter]
  /// Asked by the processor; as it is at the end of the history.
  let world: World?
  private(set) var footprints: [Footprint]
  /// States by the set of letters that led there, a bit for each.
  private var states: [UInt64: [Int]]
  private var sets: [UInt64] = [0]
  private var edges: [Edge: Int] = [:]
  private var ends: [Int: EndState] = [:]
  /// Deliveries that were done.
  private(set) var deliveries = 0

  /// At most 64 letters. The graph begins at the history's blank store.
  init(_ history: History, _ letters: [Letter], asking world: World? = nil) {
    precondition(letters.count <= 64, "a set has 64 bits")
    self.history = history
    self.letters = letters
    self.world = world
    footprints = [Footprint(history.blank)]
    states = [0: [0]]
  }

  /// Where a delivery of this letter leads.
  mutating func step(_ state: Int, _ letter: Int) async throws -> Int {
    if let known = edges[Edge(state: state, letter: letter)] { return known }
    let store = MemoryBillingStore(footprints[state].state)
    let bench = try HistoryBench(store, asking: world)
    let answer = await bench.deliver(letters[letter], now: history.end)
    guard answer == .received else { throw Refused(description: "\(answer) to \(letters[letter])") }
    deliveries += 1
    let footprint = Footprint(store.now)
    let set = sets[state] | 1 << UInt64(letter)
    let known = states[set, default: []].first { footprints[$0] == footprint }
    let next = known ?? footprints.count
    if known == nil {
      footprints.append(footprint)
      sets.append(set)
      states[set, default: []].append(next)
    }
    edges[Edge(state: state, letter: letter)] = next
    return next
  }

  /// Where an order leads from a state.
  mutating func walk(_ order: [Int], from start: Int = 0) async throws -> Int {
    var state = start
    for letter in order { state = try await step(state, letter) }
    return state
  }

  /// Every state that some order of `chosen` ends in, from `start` on, each with one such order.
  mutating func everyOrder(of chosen: [Int], from start: Int) async throws -> [(state: Int, order: [Int])] {
    var level: [Int: [Int]] = [start: []]
    for _ in chosen {
      var next: [Int: [Int]] = [:]
      for (state, order) in level.sorted(by: { $0.key < $1.key }) {
        for letter in chosen where !order.contains(letter) {
          let reached = try await step(state, letter)
          if next[reached] == nil { next[reached] = order + [letter] }
        }
      }
      level = next
    }
    return level.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  mutating func end(_ state: Int) -> EndState {
    if let known = ends[state] { return known }
    let end = EndState(footprints[state].state, now: Instant(seconds: history.end))
    ends[state] = end
    return end
  }
}
