/// Limits in shadow mode that would have refused a check: the bits are those of `lua/check.lua`; the plan's own
/// limits first, then the feature's.
package struct ShadowedLimits: OptionSet, Sendable, Hashable {
  package let rawValue: Int64
  package init(rawValue: Int64) { self.rawValue = rawValue }

  package static let requests = ShadowedLimits(rawValue: 1)
  package static let tokens = ShadowedLimits(rawValue: 2)
  package static let concurrent = ShadowedLimits(rawValue: 4)
  package static let hourlyTokens = ShadowedLimits(rawValue: 8)
  package static let dailyTokens = ShadowedLimits(rawValue: 16)

  /// The same limit of the feature.
  package var ofFeature: ShadowedLimits { ShadowedLimits(rawValue: rawValue << 5) }

  /// Each bit's name, as the config file and the contract have it; a feature's own has `feature_` before it.
  package static let names: [(limit: ShadowedLimits, name: String)] = [
    (.requests, "requests"), (.tokens, "tokens"), (.concurrent, "concurrent"),
    (.hourlyTokens, "hourly_tokens"), (.dailyTokens, "daily_tokens"),
    (.requests.ofFeature, "feature_requests"), (.tokens.ofFeature, "feature_tokens"),
    (.concurrent.ofFeature, "feature_concurrent"), (.hourlyTokens.ofFeature, "feature_hourly_tokens"),
    (.dailyTokens.ofFeature, "feature_daily_tokens"),
  ]

  /// Names of those that are set.
  package var names: [String] { ShadowedLimits.names.filter { contains($0.limit) }.map(\.name) }
}

extension RateLimits {
  /// The limits that only record.
  package var shadowed: ShadowedLimits {
    ShadowedLimits.names.prefix(5).reduce(into: []) { set, entry in
      if shadow.contains(entry.name) { set.insert(entry.limit) }
    }
  }
}
