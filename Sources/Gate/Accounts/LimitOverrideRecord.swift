/// A user's own limit as stored.
package struct LimitOverrideRecord: Sendable, Equatable {
  package var override: LimitOverride
  package var reason: String?
  /// When it was first set, and last changed.
  package var createdAt: Instant
  package var updatedAt: Instant

  package init(override: LimitOverride, reason: String? = nil, createdAt: Instant, updatedAt: Instant) {
    self.override = override
    self.reason = reason
    self.createdAt = createdAt
    self.updatedAt = updatedAt
  }
}

extension LimitOverride.Limit {
  /// It takes a count per window; the others take an amount.
  package var isWindow: Bool { self == .requests || self == .tokens }
  /// Of those that take an amount: holds open at once, or tokens.
  package var amountRange: ClosedRange<Int64> {
    self == .concurrent ? 0...Int64(Limits.openHoldsMax) : 0...Limits.tokensMax
  }
}

extension LimitOverride {
  /// What is wrong with it, by field and for people; nil when nothing is.
  package var problem: (field: String, message: String)? {
    switch value {
    case .unlimited: return nil
    case .window(let window):
      guard limit.isWindow else { return ("amount", "is required for \(limit.rawValue)") }
      guard Limits.windowCount.contains(window.count) else {
        return ("count", "must be \(Limits.windowCount.lowerBound) to \(Limits.windowCount.upperBound)")
      }
      guard Limits.windowSeconds.contains(window.windowSeconds) else {
        return (
          "window_s", "must be \(Limits.windowSeconds.lowerBound) to \(Limits.windowSeconds.upperBound)"
        )
      }
      guard Limits.windowCount.contains(window.burst) else {
        return ("burst", "must be \(Limits.windowCount.lowerBound) to \(Limits.windowCount.upperBound)")
      }
      return nil
    case .amount(let amount):
      guard !limit.isWindow else { return ("count", "is required for \(limit.rawValue)") }
      let range = limit.amountRange
      return range.contains(amount) ? nil : ("amount", "must be \(range.lowerBound) to \(range.upperBound)")
    }
  }
}
