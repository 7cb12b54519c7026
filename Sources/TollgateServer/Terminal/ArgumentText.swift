internal import AdminAPI
package import Gate

/// Arguments of commands, by the rules of the API's fields. What is refused says what it should have been.
package enum ArgumentText {
  /// The name of a user, tenant, plan, token, key or event.
  package static func identifier(_ text: String) throws -> String { try FieldText.identifier(text) }
  /// `user:u_42` or `tenant:t_7`.
  package static func account(_ text: String) throws -> AccountID { try FieldText.account(text) }
  /// An email address.
  package static func email(_ text: String) throws -> String { try FieldText.email(text) }
  /// What a token or key is for.
  package static func label(_ text: String) throws -> String { try FieldText.words(text, bytesMax: 200) }
  /// Why something is done.
  package static func reason(_ text: String) throws -> String { try FieldText.words(text, bytesMax: 500) }
  /// Part of an id or email.
  package static func query(_ text: String) throws -> String { try FieldText.words(text, bytesMax: 254) }
  /// Where something is sent to.
  package static func url(_ text: String) throws -> String { try FieldText.url(text) }
  /// What a list gave to go on with.
  package static func cursor(_ text: String) throws -> String { try FieldText.cursor(text) }
  /// 1 to 10¹⁵−1.
  package static func tokens(_ text: String) throws -> Int64 {
    try FieldText.integer(text, 1...Limits.tokensMax)
  }
  /// 0 to 10¹⁵−1: what a limit may be; how much of it which limit takes is checked where it is set.
  package static func amount(_ text: String) throws -> Int64 {
    try FieldText.integer(text, 0...Limits.tokensMax)
  }
  /// A count per window, or a burst.
  package static func windowCount(_ text: String) throws -> Int64 {
    try FieldText.integer(text, Limits.windowCount)
  }
  /// Seconds of a window.
  package static func windowSeconds(_ text: String) throws -> Int64 {
    try FieldText.integer(text, Limits.windowSeconds)
  }
  /// `requests`, `daily_tokens`, …
  package static func limitName(_ text: String) throws -> LimitOverride.Limit {
    guard let limit = LimitOverride.Limit(rawValue: text) else {
      let names = LimitOverride.Limit.allCases.map(\.rawValue).joined(separator: ", ")
      throw CommandFailure("must be one of \(names)")
    }
    return limit
  }
  /// Items of one page.
  package static func limit(_ text: String) throws -> Int {
    let range = Int64(Limits.pageItems.lowerBound)...Int64(Limits.pageItems.upperBound)
    return Int(try FieldText.integer(text, range))
  }
  /// A time to come: RFC 3339, or a span from now such as `30d`.
  package static func expiry(_ text: String) throws -> Instant {
    do {
      return try FieldText.future(text, now: Clock.now())
    } catch {
      throw CommandFailure("\(error), or a span such as 12h or 30d")
    }
  }
  /// A time gone by: RFC 3339, or a span up to now such as `30d`.
  package static func past(_ text: String) throws -> Instant {
    let now = Clock.now()
    if let seconds = try? FieldText.seconds(text, max: 315_360_000) { return now.advanced(seconds: -seconds) }
    do {
      return try FieldText.past(text, now: now)
    } catch {
      throw CommandFailure("\(error), or a span such as 12h or 30d")
    }
  }
  /// Accounts a second.
  package static func pace(_ text: String) throws -> Int { Int(try FieldText.integer(text, 1...100_000)) }
  /// How long an old token lives on, in seconds: `0`, or a span of at most 30 days.
  package static func overlap(_ text: String) throws -> Int64 {
    text == "0" ? 0 : try FieldText.seconds(text, max: 2_592_000)
  }
  /// What an import is called.
  package static func importName(_ text: String) throws -> String {
    guard text.utf8.count <= 64 else { throw CommandFailure("must be 1 to 64 visible ASCII characters") }
    return try FieldText.identifier(text)
  }
  /// What keys begin with: nothing that a pattern of Redis would take for more than itself.
  package static func keyPrefix(_ text: String) throws -> String {
    let name = try FieldText.identifier(text)
    guard !name.contains(where: { "*?[]\\^".contains($0) }) else {
      throw CommandFailure("must not have any of * ? [ ] ^ and \\ in it")
    }
    return name
  }
  /// One idempotency key.
  package static func idempotencyKey(_ text: String) throws -> String {
    guard (1...Limits.idempotencyKeyBytesMax).contains(text.utf8.count),
      text.utf8.allSatisfy({ $0 >= 0x21 && $0 <= 0x7E })
    else { throw CommandFailure("must be 1 to \(Limits.idempotencyKeyBytesMax) visible ASCII characters") }
    return text
  }
}
