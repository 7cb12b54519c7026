/// A credential's text: prefix, 43 digits of base 62 that spell 32 random bytes, and 6 that spell the
/// CRC-32 of the prefix and those 43. Shown once; stored as its SHA-256 alone.
package enum Token {
  /// What a token is for, as its first four characters say.
  package enum Prefix: String, Sendable, CaseIterable {
    /// An extension token, in `X-TLE-Token`.
    case `extension` = "tle_"
    /// A service key.
    case service = "tgs_"
    /// An admin key.
    case admin = "tga_"
  }

  /// Characters of a token made here: 4 + 43 + 6.
  package static let characterCount = 53
  private static let bodyCount = 43
  private static let checksumCount = 6

  /// A new token from 256 random bits.
  package static func make(prefix: Prefix) -> String {
    make(prefix: prefix, random: RandomBytes.make(count: 32))
  }

  /// The token that these 32 bytes spell.
  static func make(prefix: Prefix, random: [UInt8]) -> String {
    let text = Array(prefix.rawValue.utf8) + Base62.encode(random, width: bodyCount)
    return String(decoding: text + checksum(of: text), as: UTF8.self)
  }

  /// Whether `text` could have been made here: known prefix, length, digits and checksum. It says nothing
  /// of whether the token exists, and tokens that another system issued don't have a checksum.
  package static func checksumIsValid(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    guard bytes.count == characterCount,
      Prefix.allCases.contains(where: { bytes.starts(with: $0.rawValue.utf8) }),
      bytes.dropFirst(4).allSatisfy({ Base62.digits.contains($0) })
    else { return false }
    return Array(bytes.suffix(checksumCount)) == checksum(of: Array(bytes.dropLast(checksumCount)))
  }

  private static func checksum(of text: [UInt8]) -> [UInt8] {
    let value = CRC32.checksum(text)
    let bytes = stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
    return Base62.encode(bytes, width: checksumCount)
  }
}
