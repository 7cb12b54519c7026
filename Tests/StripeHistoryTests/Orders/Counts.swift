/// What a test has done, so that it cannot do nothing in silence.
struct Counts: CustomStringConvertible {
  /// Histories that were tried, of those that were made.
  var histories = 0
  var made = 0
  var orders = 0
  var deliveries = 0
  /// Histories in which something was done.
  private(set) var operations: [String: Int] = [:]
  private(set) var doubts: [String: Int] = [:]

  mutating func note(_ history: History) {
    for operation in Set(history.moments.dropFirst().map(\.operation)) {
      operations[operation.rawValue, default: 0] += 1
    }
  }

  mutating func note(_ decidability: Decidability) {
    for doubt in decidability.doubts { doubts[doubt.rawValue, default: 0] += 1 }
  }

  var description: String {
    func list(_ counts: [String: Int]) -> String {
      counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
    return "\(histories) histories of \(made) made, \(orders) orders, \(deliveries) deliveries; "
      + list(operations) + (doubts.isEmpty ? "" : "; undecided: \(list(doubts))")
  }
}
