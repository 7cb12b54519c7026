import Gate

/// Rows of `limit_overrides` as the domain has them.
extension PostgresStore {
  /// One limit as a text for an array, so that a principal is one row however many limits it has of its own:
  /// name, `w` with count, window and burst, or `a` with the amount, or `u`, expiry in ms (0: never), and the
  /// feature, which has no blanks, last.
  static let overrideText = """
    concat_ws(' ', o.limit_name, CASE WHEN o.unlimited THEN 'u 0 0 0'
        WHEN o.amount IS NULL THEN concat_ws(' ', 'w', o.count, o.window_s, coalesce(o.burst, o.count))
        ELSE concat_ws(' ', 'a', o.amount, 0, 0) END,
      coalesce((extract(epoch FROM o.expires_at) * 1000)::bigint, 0), o.feature)
    """

  static func overrides(_ row: PostgresRow) throws(StoreError) -> [LimitOverride] {
    let texts = try row.need("overrides", PostgresRow.textArray)
    return try texts.map { text throws(StoreError) in
      guard let text, let override = LimitOverride(storedText: text) else {
        throw .internalError("a limit override is unreadable")
      }
      return override
    }
  }
}

extension LimitOverride {
  init?(storedText text: String) {
    let parts = text.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 7, let limit = Limit(rawValue: String(parts[0])), let first = Int64(parts[2]),
      let window = Int64(parts[3]), let burst = Int64(parts[4]), let expires = Int64(parts[5])
    else { return nil }
    let value: Value
    switch parts[1] {
    case "u": value = .unlimited
    case "a": value = .amount(first)
    case "w": value = .window(WindowLimit(count: first, windowSeconds: window, burst: burst))
    default: return nil
    }
    self.init(
      feature: parts[6].isEmpty ? nil : String(parts[6]), limit: limit, value: value,
      expiresAt: expires == 0 ? nil : Instant(milliseconds: expires))
  }
}
