/// What a limit in shadow mode would have refused in one hour, day or month.
package struct ShadowedUse: Sendable, Equatable {
  package var start: Instant
  package var feature: String
  /// One of ``ShadowedLimits/names``.
  package var limit: String
  /// Checks that were let through, and what they asked for.
  package var entries: Int64
  package var tokens: Int64
  /// Users that it would have hit.
  package var users: Int64

  package init(
    start: Instant, feature: String, limit: String, entries: Int64, tokens: Int64, users: Int64
  ) {
    self.start = start
    self.feature = feature
    self.limit = limit
    self.entries = entries
    self.tokens = tokens
    self.users = users
  }
}

/// Which part of it: from the hour that `from` is in, to before `to`; days and months are of UTC.
package struct ShadowFilter: Sendable, Equatable {
  package var from: Instant
  package var to: Instant
  package var interval: UsageFilter.Interval
  /// nil: of all.
  package var feature: String?

  package init(from: Instant, to: Instant, interval: UsageFilter.Interval, feature: String? = nil) {
    self.from = from
    self.to = to
    self.interval = interval
    self.feature = feature
  }
}
