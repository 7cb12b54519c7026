internal import Gate
internal import GateAPI

/// What was decided in some time: sums of counters, as they are written and read. Only what is not zero is in them.
struct DecisionFigures: Sendable, Equatable {
  /// By `route.outcome`, as ``GateMetrics`` names both, and `shadowed.limit`.
  var decisions: [String: UInt64] = [:]
  /// Of checks, on whichever route, by the number of their ``LatencyBuckets``.
  var latencies: [Int: UInt64] = [:]
  /// Refusals by user.
  var denied: [String: UInt64] = [:]

  /// The users that are kept of a minute.
  static let deniedMax = 20

  static func key(_ route: GateMetrics.Route, _ outcome: GateMetrics.Outcome) -> String {
    "\(route).\(outcome.label)"
  }

  mutating func add(_ other: DecisionFigures) {
    decisions.merge(other.decisions, uniquingKeysWith: &+)
    latencies.merge(other.latencies, uniquingKeysWith: &+)
    denied.merge(other.denied, uniquingKeysWith: &+)
  }

  /// What has come since `before`, which is of the same counters.
  func since(_ before: DecisionFigures) -> DecisionFigures {
    var rest = self
    for (key, count) in before.decisions { rest.decisions[key, default: 0] &-= count }
    for (key, count) in before.latencies { rest.latencies[key, default: 0] &-= count }
    rest.decisions = rest.decisions.filter { $0.value > 0 }
    rest.latencies = rest.latencies.filter { $0.value > 0 }
    return rest
  }

  /// Of an outcome, over the routes that decide.
  func count(_ outcome: GateMetrics.Outcome) -> UInt64 {
    DecisionFigures.deciding.reduce(0) { $0 + (decisions[DecisionFigures.key($1, outcome)] ?? 0) }
  }

  /// Those where somebody asks whether something may be done.
  static let deciding: [GateMetrics.Route] = [.check, .authz]

  func percentile(_ share: Double) -> UInt64? { LatencyBuckets.percentile(share, of: latencies) }
}

extension DecisionFigures {
  /// One loop's counters.
  init(_ metrics: GateMetrics) {
    for route in GateMetrics.Route.allCases {
      for outcome in GateMetrics.Outcome.allCases {
        let count = metrics.outcomes[GateMetrics.index(route, outcome)]
        if count > 0 { decisions[DecisionFigures.key(route, outcome)] = count }
      }
    }
    for (limit, count) in zip(ShadowedLimits.names, metrics.shadowed) where count > 0 {
      decisions["shadowed.\(limit.name)"] = count
    }
    for route in DecisionFigures.deciding {
      let first = route.rawValue * LatencyBuckets.count
      for bucket in 0..<LatencyBuckets.count where metrics.latencies[first + bucket] > 0 {
        latencies[bucket, default: 0] &+= metrics.latencies[first + bucket]
      }
    }
  }
}
