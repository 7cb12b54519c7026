internal import Gate

/// What one loop's data plane has done. Plain counters: the loop alone writes them, a reader hops to it.
package final class GateMetrics {
  package enum Outcome: Int, CaseIterable, Sendable {
    case allowed, replayed, degraded, tokenMissing, tokenInvalid, planRequired, subscriptionInactive
    case rateLimited, concurrencyLimited, budgetExhausted, invalidRequest, unavailable, other

    /// As a metric's label.
    package var label: String {
      switch self {
      case .allowed: "allowed"
      case .replayed: "replayed"
      case .degraded: "degraded"
      case .tokenMissing: "token_missing"
      case .tokenInvalid: "token_invalid"
      case .planRequired: "plan_required"
      case .subscriptionInactive: "subscription_inactive"
      case .rateLimited: "rate_limited"
      case .concurrencyLimited: "concurrency_limited"
      case .budgetExhausted: "budget_exhausted"
      case .invalidRequest: "invalid_request"
      case .unavailable: "store_unavailable"
      case .other: "other"
      }
    }

    /// A denial of somebody who is known, for what they may do or have left.
    var isRefusal: Bool {
      switch self {
      case .planRequired, .subscriptionInactive, .rateLimited, .concurrencyLimited, .budgetExhausted: true
      default: false
      }
    }
  }

  /// What was asked for, by the route's template.
  package enum Route: Int, CaseIterable, Sendable {
    case check, authz, usage, settle, extend, release

    /// As a metric's label.
    package var template: String {
      switch self {
      case .check: "/v1/check"
      case .authz: "/authz/{gateway}/{policy}"
      case .usage: "/v1/usage"
      case .settle: "/v1/reservations/{id}/settle"
      case .extend: "/v1/reservations/{id}/extend"
      case .release: "/v1/reservations/{id}/release"
      }
    }
  }

  /// Answers by route and outcome: ``index(_:_:)``.
  package private(set) var outcomes = [UInt64](
    repeating: 0, count: Route.allCases.count * Outcome.allCases.count)
  /// Answers by route and how long they took: ``LatencyBuckets/count`` a route.
  package private(set) var latencies = [UInt64](
    repeating: 0, count: Route.allCases.count * LatencyBuckets.count)
  /// By route, in microseconds.
  package private(set) var latencySums = [UInt64](repeating: 0, count: Route.allCases.count)

  /// Tokens that were allowed while the counters were away.
  package internal(set) var degradedTokens: UInt64 = 0

  /// Checks that a limit in shadow mode would have refused, by the place of its bit in ``ShadowedLimits``.
  package private(set) var shadowed = [UInt64](repeating: 0, count: ShadowedLimits.names.count)

  /// Where ``outcomes`` has a route's outcome.
  package static func index(_ route: Route, _ outcome: Outcome) -> Int {
    route.rawValue * Outcome.allCases.count + outcome.rawValue
  }

  func count(_ limits: ShadowedLimits) {
    for (index, entry) in ShadowedLimits.names.enumerated() where limits.contains(entry.limit) {
      shadowed[index] &+= 1
    }
  }

  func count(_ outcome: Outcome, _ route: Route, nanoseconds: UInt64) {
    outcomes[GateMetrics.index(route, outcome)] &+= 1
    let microseconds = nanoseconds / 1000
    latencySums[route.rawValue] &+= microseconds
    latencies[route.rawValue * LatencyBuckets.count + LatencyBuckets.index(microseconds)] &+= 1
  }
}
