internal import Gate

/// What a field takes: a value, or a message for people that says what it should have been.
struct FieldRule<Value: Sendable & Equatable>: Sendable {
  var read: @Sendable (JSON) throws(FieldRefusal) -> Value
  /// How a query parameter's text becomes the value that ``read`` is given.
  var fromQuery: @Sendable (String) -> JSON = { .string($0) }
}

/// Why a value is refused: "must be …".
package struct FieldRefusal: Error, Equatable, CustomStringConvertible {
  var message: String

  /// Also for rules that other doors have.
  package init(message: String) { self.message = message }
  /// The message.
  package var description: String { message }
}

extension FieldRule where Value == String {
  /// Text of a length in bytes, without NUL and other control characters.
  static func text(bytesMax: Int) -> FieldRule {
    FieldRule { (value) throws(FieldRefusal) in
      guard case .string(let text) = value else { throw FieldRefusal(message: "must be a text") }
      guard !text.isEmpty, text.utf8.count <= bytesMax else {
        throw FieldRefusal(message: "must be 1 to \(bytesMax) bytes long")
      }
      guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
      else {
        throw FieldRefusal(message: "must not have control characters")
      }
      return text
    }
  }

  /// The name of a user, tenant, plan or feature.
  static var identifier: FieldRule {
    FieldRule { (value) throws(FieldRefusal) in
      guard case .string(let text) = value else { throw FieldRefusal(message: "must be a text") }
      guard Identifier.isValid(text) else {
        throw FieldRefusal(
          message: "must be 1 to \(Limits.identifierBytesMax) visible ASCII characters")
      }
      return text
    }
  }

  /// Enough of an address to tell it from a typo; whether it exists is not our business.
  static var email: FieldRule {
    let text = FieldRule.text(bytesMax: 254)
    return FieldRule { (value) throws(FieldRefusal) in
      let address = try text.read(value)
      let parts = address.split(separator: "@", omittingEmptySubsequences: false)
      guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }), !address.contains(" ") else {
        throw FieldRefusal(message: "must be an email address")
      }
      return address
    }
  }

  /// An absolute link that a browser may be sent to; `javascript:` and its kin are refused.
  static func url(schemes: [String] = ["https", "http"]) -> FieldRule {
    let text = FieldRule.text(bytesMax: 2048)
    return FieldRule { (value) throws(FieldRefusal) in
      let url = try text.read(value)
      let separator = { (scheme: String) in scheme == "mailto" ? ":" : "://" }
      let start = schemes.map { $0 + separator($0) }.first { url.lowercased().hasPrefix($0) }
      guard let start, url.utf8.count > start.utf8.count,
        url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") })
      else { throw FieldRefusal(message: "must be a URL (\(schemes.joined(separator: ", ")))") }
      return url
    }
  }

  /// One of a few words.
  static func choice(_ choices: [String]) -> FieldRule {
    FieldRule { (value) throws(FieldRefusal) in
      guard case .string(let text) = value, choices.contains(text) else {
        throw FieldRefusal(message: "must be one of \(choices.joined(separator: ", "))")
      }
      return text
    }
  }

  /// What a list gave as `next_cursor`.
  static var cursor: FieldRule {
    FieldRule { (value) throws(FieldRefusal) in
      guard case .string(let text) = value, text.utf8.count <= 512,
        text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
      else { throw FieldRefusal(message: "must be a cursor that a list gave") }
      return text
    }
  }
}

extension FieldRule where Value == Bool {
  /// `true` or `false`.
  static var boolean: FieldRule {
    FieldRule { (value) throws(FieldRefusal) in
      guard case .bool(let flag) = value else { throw FieldRefusal(message: "must be true or false") }
      return flag
    }
  }
}

extension FieldRule where Value == AccountID {
  /// `user:u_42` or `tenant:t_7`.
  static var account: FieldRule {
    FieldRule { (value) throws(FieldRefusal) in
      guard case .string(let text) = value, let account = AccountID(text), Identifier.isValid(account.id)
      else { throw FieldRefusal(message: "must be an account such as user:u_42 or tenant:t_7") }
      return account
    }
  }
}

extension FieldRule where Value == Int64 {
  /// A whole number; `1.0` and `"1"` are none.
  static func integer(_ range: ClosedRange<Int64>) -> FieldRule {
    FieldRule(
      read: { (value) throws(FieldRefusal) in
        guard case .integer(let number) = value, range.contains(number) else {
          throw FieldRefusal(
            message: "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
      },
      fromQuery: { text in
        // `Int64("+5")` is 5, and a query's `+` is a space besides.
        text.first == "+" ? .string(text) : Int64(text).map(JSON.integer) ?? .string(text)
      })
  }

  /// Seconds, minutes, hours or days, up to a number of seconds: `90s`, `1h`, `7d`.
  static func duration(secondsMax: Int64) -> FieldRule {
    FieldRule { (value) throws(FieldRefusal) in
      let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
      guard case .string(let text) = value, let unit = text.last.flatMap({ units[$0] }),
        text.utf8.count <= 8, text.first != "+", let count = Int64(text.dropLast()), count > 0,
        count * unit <= secondsMax
      else {
        throw FieldRefusal(message: "must be a time such as 15m, 1h or 7d, at most \(secondsMax) s")
      }
      return count * unit
    }
  }
}

extension FieldRule where Value == Bool {
  /// `true` or `false`.
  static var flag: FieldRule {
    FieldRule(
      read: { (value) throws(FieldRefusal) in
        guard case .bool(let flag) = value else { throw FieldRefusal(message: "must be true or false") }
        return flag
      },
      fromQuery: { $0 == "true" ? true : $0 == "false" ? false : .string($0) })
  }
}

extension FieldRule where Value == Instant {
  /// RFC 3339.
  static var time: FieldRule {
    FieldRule { (value) throws(FieldRefusal) in
      guard case .string(let text) = value, let instant = Instant(rfc3339: text) else {
        throw FieldRefusal(message: "must be a time in RFC 3339, such as 2026-01-31T09:30:00Z")
      }
      return instant
    }
  }

  /// RFC 3339, later than `now`.
  static func time(after now: Instant) -> FieldRule {
    FieldRule { (value) throws(FieldRefusal) in
      let instant = try FieldRule.time.read(value)
      guard instant > now else { throw FieldRefusal(message: "must be in the future") }
      return instant
    }
  }
}
