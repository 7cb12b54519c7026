/// Checks of links and of the stores' addresses.
enum WebURL {
  /// Bytes of a link.
  static let bytesMax = 2048

  /// An absolute `http` or `https` URL in visible ASCII with a host and no `user@`. Stripe's
  /// `{CHECKOUT_SESSION_ID}` may stand in it.
  static func isValid(_ text: String) -> Bool {
    guard text.utf8.count <= bytesMax, text.utf8.allSatisfy({ isURLByte($0) }) else { return false }
    return authority(of: text).map { $0.port != 0 } ?? false
  }

  /// Host and port of an http or https URL; nil for any other, and for one with `user@`.
  static func authority(of text: String) -> HostPort? {
    guard let mark = text.firstRange(of: "://"), ["http", "https"].contains(text[..<mark.lowerBound]) else {
      return nil
    }
    let rest = text[mark.upperBound...]
    let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
    return HostPort(rest[..<end])
  }

  /// The same, or `mailto:name@host`.
  static func isValidContact(_ text: String) -> Bool {
    guard text.hasPrefix("mailto:") else { return isValid(text) }
    let address = text.dropFirst(7).split(separator: "@", omittingEmptySubsequences: false)
    return text.utf8.count <= bytesMax && address.count == 2 && !address[0].isEmpty
      && !address[1].isEmpty && text.utf8.allSatisfy { isURLByte($0) }
  }

  /// One of Redis' schemes with something behind it. What that is, the Redis client knows best and says
  /// when it is made.
  static func isValidRedis(_ text: String) -> Bool {
    guard text.utf8.count <= bytesMax, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
      let mark = text.firstRange(of: "://")
    else { return false }
    let rest = text[mark.upperBound...]
    return switch text[..<mark.lowerBound] {
    case "redis", "rediss", "redis+cluster", "rediss+cluster": !rest.isEmpty && !rest.hasPrefix("/")
    case "redis+unix": rest.firstRange(of: "/") != nil && !rest.hasSuffix("/")
    default: false
    }
  }

  /// `postgres://` or `postgresql://` with anything libpq may make sense of behind it, or libpq's own
  /// `key=value` words.
  static func isValidPostgres(_ text: String) -> Bool {
    guard text.utf8.count <= bytesMax, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
      return false
    }
    if text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") {
      return text.utf8.allSatisfy { $0 > 0x20 }
    }
    let words = text.split(separator: " ")
    return !words.isEmpty && words[0].contains("=") && !words[0].hasPrefix("=")
      && !words[0].contains("://")
  }

  /// Visible ASCII without the characters that end a URL in a text or an attribute.
  private static func isURLByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x22, 0x3C, 0x3E, 0x5C, 0x60: false
    default: byte > 0x20 && byte < 0x7F
    }
  }
}
