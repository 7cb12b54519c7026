/// One limit of one user that differs from the plan's, for as long as it lasts.
package struct LimitOverride: Sendable, Hashable {
  package enum Limit: String, Sendable, Hashable, CaseIterable {
    case requests, tokens, concurrent
    case hourlyTokens = "hourly_tokens"
    case dailyTokens = "daily_tokens"
  }
  /// What takes the plan's place.
  package enum Value: Sendable, Hashable {
    /// The limit doesn't bind this user.
    case unlimited
    /// Of ``Limit/requests`` and ``Limit/tokens``.
    case window(WindowLimit)
    /// Of the others: holds (0 to 256) or tokens (0 to 10¹⁵−1).
    case amount(Int64)
  }
  /// nil: the plan's own limit, whatever the feature.
  package var feature: String?
  package var limit: Limit
  package var value: Value
  /// From then on the plan's limit counts again; nil: never.
  package var expiresAt: Instant?

  package init(feature: String? = nil, limit: Limit, value: Value, expiresAt: Instant? = nil) {
    self.feature = feature
    self.limit = limit
    self.value = value
    self.expiresAt = expiresAt
  }
}

extension RateLimits {
  /// These limits with those in their place that override them at `now`. An overridden limit is enforced, also
  /// where the plan's own is in shadow mode.
  package func overridden(by overrides: [LimitOverride], feature: String?, at now: Instant) -> RateLimits {
    var limits = self
    for entry in overrides where entry.feature == feature && entry.expiresAt.map({ now < $0 }) ?? true {
      limits.shadow.remove(entry.limit.rawValue)
      switch (entry.limit, entry.value) {
      case (.requests, .window(let window)): limits.requests = window
      case (.requests, .unlimited): limits.requests = nil
      case (.tokens, .window(let window)): limits.tokens = window
      case (.tokens, .unlimited): limits.tokens = nil
      case (.concurrent, .amount(let amount)): limits.concurrent = amount
      case (.concurrent, .unlimited): limits.concurrent = nil
      case (.hourlyTokens, .amount(let amount)): limits.hourlyTokens = amount
      case (.hourlyTokens, .unlimited): limits.hourlyTokens = nil
      case (.dailyTokens, .amount(let amount)): limits.dailyTokens = amount
      case (.dailyTokens, .unlimited): limits.dailyTokens = nil
      // Of another shape than its limit: the plan's stays.
      case (.requests, .amount), (.tokens, .amount), (.concurrent, .window), (.hourlyTokens, .window),
        (.dailyTokens, .window):
        break
      }
    }
    return limits
  }
}
