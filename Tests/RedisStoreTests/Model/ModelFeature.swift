import Gate

/// What an account keeps of one feature alone.
struct ModelFeature: Equatable {
  var requestsArrival = 0.0
  var tokensArrival = 0.0
  var hour = ModelWindow()
  var day = ModelWindow()
  /// Open holds that count against the feature's limits.
  var open: Set<String> = []
  /// How many settled uses were noted, and the last twenty of them, the oldest first.
  var noted: Int64 = 0
  var uses: [Int64] = []

  mutating func note(_ tokens: Int64) {
    noted += 1
    uses.append(tokens)
    if uses.count > 20 { uses.removeFirst() }
  }

  /// The 95th percentile by nearest rank, once five uses are known.
  var estimate: Int64? {
    guard uses.count >= 5 else { return nil }
    let rank = Int((0.95 * Double(uses.count)).rounded(.up))
    return uses.sorted()[rank - 1]
  }
}

/// A threshold that was announced.
struct ModelCrossing: Hashable {
  var account: AccountID
  var percent: Int64
  var periodStart: Int64
  var used: Int64
  var limit: Int64
}

extension ModelGate {
  static let thresholds: [Int64] = [50, 80, 100]

  /// Announces the thresholds that the account's use has reached, each once a period.
  mutating func announce(_ account: inout ModelAccount, _ id: AccountID) {
    let budget = account.budget
    guard budget.limit > 0 else { return }
    for percent in ModelGate.thresholds
    where percent > account.announced && budget.used * 100 >= budget.limit * percent {
      account.announced = percent
      crossings.append(
        ModelCrossing(
          account: id, percent: percent, periodStart: account.period?.start ?? 0, used: budget.used,
          limit: budget.limit))
    }
  }
}
