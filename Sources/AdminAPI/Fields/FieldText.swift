package import Gate

/// The rules of the API's fields for another door, which has them as text: the command line.
package enum FieldText {
  /// The name of a user, tenant, plan, token, key or event.
  package static func identifier(_ text: String) throws(FieldRefusal) -> String {
    try FieldRule.identifier.read(.string(text))
  }

  /// `user:u_42` or `tenant:t_7`.
  package static func account(_ text: String) throws(FieldRefusal) -> AccountID {
    try FieldRule.account.read(.string(text))
  }

  /// An address.
  package static func email(_ text: String) throws(FieldRefusal) -> String {
    try FieldRule.email.read(.string(text))
  }

  /// Words of people, 1 to `bytesMax` bytes.
  package static func words(_ text: String, bytesMax: Int) throws(FieldRefusal) -> String {
    try FieldRule.text(bytesMax: bytesMax).read(.string(text))
  }

  /// A whole number.
  package static func integer(
    _ text: String, _ range: ClosedRange<Int64>
  ) throws(FieldRefusal) -> Int64 {
    let rule = FieldRule.integer(range)
    return try rule.read(rule.fromQuery(text))
  }

  /// An absolute `http` or `https` URL.
  package static func url(_ text: String) throws(FieldRefusal) -> String {
    try FieldRule.url().read(.string(text))
  }

  /// What a list gave as `next_cursor`.
  package static func cursor(_ text: String) throws(FieldRefusal) -> String {
    try FieldRule.cursor.read(.string(text))
  }

  /// Seconds of a span such as `90s`, `15m`, `1h` or `7d`.
  package static func seconds(_ text: String, max: Int64) throws(FieldRefusal) -> Int64 {
    try FieldRule.duration(secondsMax: max).read(.string(text))
  }

  /// A time gone by: RFC 3339, not later than `now`.
  package static func past(_ text: String, now: Instant) throws(FieldRefusal) -> Instant {
    let instant = try FieldRule.time.read(.string(text))
    guard instant <= now else { throw FieldRefusal(message: "must be in the past") }
    return instant
  }

  /// A time to come: RFC 3339, or a span from `now` of at most ten years, such as `30d`.
  package static func future(_ text: String, now: Instant) throws(FieldRefusal) -> Instant {
    if let seconds = try? seconds(text, max: 315_360_000) { return now.advanced(seconds: seconds) }
    return try FieldRule.time(after: now).read(.string(text))
  }
}
