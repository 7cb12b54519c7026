/// Byte classes and searches over the inbound bytes. Whole words at a time where a search runs over most of
/// the head, because these loops are what parsing costs.
enum Octets {
  static let tab: UInt8 = 0x09
  static let lineFeed: UInt8 = 0x0A
  static let carriageReturn: UInt8 = 0x0D
  static let space: UInt8 = 0x20
  static let comma: UInt8 = 0x2C
  static let slash: UInt8 = 0x2F
  static let colon: UInt8 = 0x3A
  static let semicolon: UInt8 = 0x3B
  static let questionMark: UInt8 = 0x3F

  /// `tchar` of RFC 9110: letters, digits and ``!#$%&'*+-.^_`|~``.
  @inline(__always)
  static func isToken(_ byte: UInt8) -> Bool {
    contains(byte, 0x03FF_6CFA_0000_0000, 0x57FF_FFFF_C7FF_FFFE)
  }

  /// What a Host field may hold: `reg-name`, IP literals and a port. No `/`, `@`, `?` or `#`, which would
  /// let two parsers disagree on where the host ends.
  @inline(__always)
  static func isHost(_ byte: UInt8) -> Bool {
    contains(byte, 0x2FFF_7FF2_0000_0000, 0x47FF_FFFE_AFFF_FFFE)
  }

  @inline(__always)
  static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

  /// The value of a hexadecimal digit, or nil.
  @inline(__always)
  static func hexadecimal(_ byte: UInt8) -> UInt8? {
    if byte &- 0x30 < 10 { return byte &- 0x30 }
    let letter = (byte | 0x20) &- 0x61
    return letter < 6 ? letter &+ 10 : nil
  }

  @inline(__always)
  static func lowercase(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

  /// Membership in a set of ASCII, given as bit maps of 0–63 and 64–127.
  @inline(__always)
  private static func contains(_ byte: UInt8, _ low: UInt64, _ high: UInt64) -> Bool {
    guard byte < 128 else { return false }
    return ((byte < 64 ? low : high) &>> UInt64(byte & 63)) & 1 == 1
  }

  /// True when the bytes from `lower` begin with `name`, exactly. The caller has checked the length.
  @inline(__always)
  static func equal(_ bytes: Span<UInt8>, _ lower: Int, _ name: StaticString) -> Bool {
    var index = 0
    while index < name.utf8CodeUnitCount {
      // `index` is below the literal's count.
      guard unsafe bytes[lower &+ index] == name.utf8Start[index] else { return false }
      index &+= 1
    }
    return true
  }

  /// True when the bytes in `lower ..< upper` are `name`, whatever the case of ASCII letters.
  @inline(__always)
  static func equalIgnoringCase(
    _ bytes: Span<UInt8>, _ lower: Int, _ upper: Int, _ name: StaticString
  ) -> Bool {
    guard upper &- lower == name.utf8CodeUnitCount else { return false }
    var index = 0
    while index < name.utf8CodeUnitCount {
      // `index` is below the literal's count.
      let expected = unsafe lowercase(name.utf8Start[index])
      guard lowercase(bytes[lower &+ index]) == expected else { return false }
      index &+= 1
    }
    return true
  }

  /// Offset of the first line feed in `lower ..< upper`, or nil.
  @inline(__always)
  static func lineFeed(in bytes: Span<UInt8>, _ lower: Int, _ upper: Int) -> Int? {
    var index = lower
    while index &+ 8 <= upper {
      let difference = word(bytes, index) ^ 0x0A0A_0A0A_0A0A_0A0A
      let hits = (difference &- ones) & ~difference & highs
      if hits != 0 { return index &+ hits.trailingZeroBitCount &>> 3 }
      index &+= 8
    }
    while index < upper {
      if bytes[index] == lineFeed { return index }
      index &+= 1
    }
    return nil
  }

  /// Offset of the first byte in `lower ..< upper` that no field value may hold (C0 controls except the
  /// horizontal tab, and DEL), or `upper`.
  @inline(__always)
  static func control(in bytes: Span<UInt8>, _ lower: Int, _ upper: Int) -> Int {
    var index = lower
    while index < upper {
      if index &+ 8 <= upper {
        let value = word(bytes, index)
        let delete = value ^ 0x7F7F_7F7F_7F7F_7F7F
        let hits =
          (((value &- 0x2020_2020_2020_2020) & ~value) | ((delete &- ones) & ~delete)) & highs
        if hits == 0 {
          index &+= 8
          continue
        }
        // Borrows only run upwards, so the lowest hit is a true one.
        index &+= hits.trailingZeroBitCount &>> 3
      }
      let byte = bytes[index]
      if (byte < 0x20 && byte != tab) || byte == 0x7F { return index }
      index &+= 1
    }
    return upper
  }

  private static let ones: UInt64 = 0x0101_0101_0101_0101
  private static let highs: UInt64 = 0x8080_8080_8080_8080

  /// Eight bytes from `index`, the first one lowest.
  @inline(__always)
  private static func word(_ bytes: Span<UInt8>, _ index: Int) -> UInt64 {
    // The load is bounds-checked, and every bit pattern is a valid integer.
    UInt64(littleEndian: unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
  }
}
