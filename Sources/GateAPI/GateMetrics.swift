internal import Gate

/// What one loop's data plane has done. Plain counters: the loop alone writes them, a reader hops to it.
package final class GateMetrics {
  package enum Outcome: Int, CaseIterable, Sendable {
    case allowed, replayed, degraded, tokenMissing, tokenInvalid, planRequired, subscriptionInactive,
      rateLimited
    case concurrencyLimited, budgetExhausted, invalidRequest, unavailable, other

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
  }

  package private(set) var outcomes = [UInt64](repeating: 0, count: Outcome.allCases.count)
  /// Answers by their time in powers of two of microseconds: bucket n has those below 2ⁿ µs.
  package private(set) var latencies = [UInt64](repeating: 0, count: 32)
  package private(set) var latencyMicrosecondsSum: UInt64 = 0
  /// Tokens that were allowed while the counters were away.
  package internal(set) var degradedTokens: UInt64 = 0

  /// Checks that a limit in shadow mode would have refused, by the place of its bit in ``ShadowedLimits``.
  package private(set) var shadowed = [UInt64](repeating: 0, count: ShadowedLimits.names.count)

  func count(_ limits: ShadowedLimits) {
    for (index, entry) in ShadowedLimits.names.enumerated() where limits.contains(entry.limit) {
      shadowed[index] &+= 1
    }
  }

  func count(_ outcome: Outcome, nanoseconds: UInt64) {
    outcomes[outcome.rawValue] &+= 1
    let micros = nanoseconds / 1000
    latencyMicrosecondsSum &+= micros
    latencies[min(31, 64 - micros.leadingZeroBitCount)] &+= 1
  }
}
