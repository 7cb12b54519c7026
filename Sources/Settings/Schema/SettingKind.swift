internal import Gate

/// What a value may be. Parser, messages and documentation all come from here.
enum SettingKind: Sendable, Equatable {
  case integer(ClosedRange<Int64>)
  /// An integer, or one word instead.
  case integerOrWord(ClosedRange<Int64>, String)
  case integers(ClosedRange<Int64>, count: ClosedRange<Int>)
  case boolean
  case choice([String])
  case text(TextRule)
  /// A list; in the environment, and where there is one only, a text with commas.
  case texts(TextRule, count: ClosedRange<Int>)
  /// A mapping with the fixed keys that the schema has below it.
  case section
  /// A mapping from names of the operator's choice to sections.
  case named(TextRule, count: ClosedRange<Int>)

  /// What is allowed, in a few words.
  var allowed: String {
    switch self {
    case .integer(let range): "integer, \(SettingKind.words(range))"
    case .integerOrWord(let range, let word): "integer, \(SettingKind.words(range)), or `\(word)`"
    case .integers(let range, let count):
      "list of \(count.lowerBound) to \(count.upperBound) integers, each \(SettingKind.words(range)), ascending"
    case .boolean: "`true` or `false`"
    case .choice(let words): words.map { "`\($0)`" }.joined(separator: ", ")
    case .text(let rule): rule.allowed
    case .texts(let rule, let count):
      "list of \(count.lowerBound) to \(count.upperBound), each \(rule.allowed)"
    case .section: "mapping"
    case .named(let rule, let count):
      "mapping of \(count.lowerBound) to \(count.upperBound) names, each \(rule.allowed)"
    }
  }

  private static func words(_ range: ClosedRange<Int64>) -> String {
    "\(grouped(range.lowerBound)) to \(grouped(range.upperBound))"
  }

  /// `1,000,000`: readable in a message and in the documentation.
  static func grouped(_ number: Int64) -> String {
    let digits = String(number.magnitude)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return number < 0 ? "-" + text : text
  }
}

/// What a text may be.
enum TextRule: Sendable, Equatable {
  case identifier
  /// A Stripe price.
  case price
  case timeZone
  case webURL
  case contactURL
  case apiBase
  case listenAddress
  case redisURL
  case postgresURL
  case postgresSchema
  case accelLocation
  case webhookSecret
  case stripeKey
  /// A key of ours, with what it begins with.
  case ownKey(prefix: String)
  /// The name of one of the limits of a plan.
  case limitName
  /// The name of a plan or feature that the file has; which one is checked later.
  case reference(String)
  /// The name of a target of events. It is part of a variable's name, which may end in `_FILE`.
  case targetName
  case targetURL
  case eventType
  case signingSecret

  static let limitNames = ["requests", "tokens", "concurrent", "hourly_tokens", "daily_tokens"]

  var allowed: String {
    switch self {
    case .identifier: "1 to \(Limits.identifierBytesMax) bytes of visible ASCII"
    case .price: "the id of a Stripe price"
    case .timeZone: "IANA time zone, as `Europe/Berlin`"
    case .webURL: "absolute http or https URL"
    case .contactURL: "absolute http, https or mailto URL"
    case .apiBase: "http or https URL without a query"
    case .listenAddress: "`host:port`, `[::]:port` or `unix:/path`"
    case .redisURL:
      "`redis://[user:password@]host[:port][/db]`, `rediss://…`, `redis+unix:///path` or "
        + "`redis+cluster://host:port,…`"
    case .postgresURL: "`postgres://user:password@host:port/database` or libpq's `key=value` words"
    case .postgresSchema: "a lower-case SQL name of at most 63 bytes"
    case .accelLocation: "`@name` of a location, or an absolute path"
    case .webhookSecret: "an endpoint's signing secret, `whsec_…`"
    case .stripeKey: "`sk_…` or `rk_…`"
    case .ownKey(let prefix): "`\(prefix)` and 8 to 256 of `A-Z a-z 0-9 _ -`"
    case .limitName: TextRule.limitNames.map { "`\($0)`" }.joined(separator: ", ")
    case .reference(let what): "the name of a \(what) of this file"
    case .targetName: "1 to 32 of `a-z 0-9 _`, a letter first, without `_file` at the end"
    case .targetURL: "absolute https URL"
    case .eventType: EventType.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
    case .signingSecret: "`whsec_` and 24 to 64 bytes in base 64"
    }
  }

  func accepts(_ text: String) -> Bool {
    switch self {
    case .identifier, .reference: Identifier.isValid(text)
    case .price: Identifier.isValid(text) && text.utf8.allSatisfy { TextRule.isWordByte($0) }
    case .timeZone: ZoneOffsets.isKnown(text)
    case .webURL: WebURL.isValid(text)
    case .contactURL: WebURL.isValidContact(text)
    case .apiBase: WebURL.isValid(text) && !text.contains("?") && !text.contains("#")
    case .listenAddress: ListenAddress(text) != nil
    case .redisURL: WebURL.isValidRedis(text)
    case .postgresURL: WebURL.isValidPostgres(text)
    case .postgresSchema: TextRule.isSchemaName(text)
    case .accelLocation: TextRule.isLocation(text)
    case .webhookSecret: Identifier.isValid(text) && !Placeholder.isLikely(text)
    case .stripeKey:
      (text.hasPrefix("sk_") || text.hasPrefix("rk_")) && Identifier.isValid(text.prefix(128))
        && text.utf8.count > 8 && text.utf8.allSatisfy { TextRule.isWordByte($0) }
        && !Placeholder.isLikely(text)
    case .ownKey(let prefix):
      text.hasPrefix(prefix) && (8...256).contains(text.utf8.count - prefix.utf8.count)
        && text.utf8.allSatisfy { TextRule.isWordByte($0) } && !Placeholder.isLikely(text)
    case .limitName: TextRule.limitNames.contains(text)
    case .targetName: TextRule.isTargetName(text)
    case .targetURL: WebURL.isValid(text) && !text.contains("#")
    case .eventType: EventType(rawValue: text) != nil
    case .signingSecret: SigningSecretText.isValid(text)
    }
  }

  private static func isTargetName(_ text: String) -> Bool {
    guard let first = text.utf8.first, (97...122).contains(first) else { return false }
    return text.utf8.count <= 32 && !text.hasSuffix("_file")
      && text.utf8.allSatisfy { $0 == 95 || (48...57).contains($0) || (97...122).contains($0) }
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 45, 48...57, 65...90, 95, 97...122: true
    default: false
    }
  }

  private static func isSchemaName(_ text: String) -> Bool {
    guard let first = text.utf8.first, first == 95 || (97...122).contains(first) else { return false }
    return text.utf8.count <= 63 && !text.hasPrefix("pg_")
      && text.utf8.allSatisfy { $0 == 95 || (48...57).contains($0) || (97...122).contains($0) }
  }

  private static func isLocation(_ text: String) -> Bool {
    let rest = text.dropFirst()
    return (text.hasPrefix("@") || text.hasPrefix("/")) && text.utf8.count <= 256
      && (text.hasPrefix("/") || !rest.isEmpty)
      && text.utf8.allSatisfy { TextRule.isWordByte($0) || [46, 47, 64].contains($0) }
  }
}

/// Texts from a template that nobody filled in. As a webhook secret they would let anyone who has read
/// the same template sign.
enum Placeholder {
  private static let words = [
    "changeme", "change-me", "change_me", "placeholder", "replaceme", "replace_me", "replace-me",
    "your_", "your-", "yoursecret", "todo", "...", "…", "<", ">", "${",
  ]

  static func isLikely(_ text: String) -> Bool {
    let text = text.lowercased()
    let body = text.split(separator: "_", omittingEmptySubsequences: true).dropFirst().joined()
    let rest = text.hasPrefix("whsec_") || text.hasPrefix("tg") || text.hasPrefix("sk_") ? body : text
    guard let first = rest.first else { return true }
    return words.contains { text.contains($0) } || rest.allSatisfy { $0 == first }
  }
}
