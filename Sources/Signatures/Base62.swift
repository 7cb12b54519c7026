/// Base 62 in the digits `0-9A-Za-z`, most significant first, of fixed width: what tokens are spelled in,
/// for a double click selects the whole of one.
enum Base62 {
  static let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

  /// `number`, a big-endian integer, in exactly `width` digits. The width must hold it: 43 for 32 bytes
  /// (62⁴³ > 2²⁵⁶), 6 for 4 (62⁶ > 2³²).
  static func encode(_ number: [UInt8], width: Int) -> [UInt8] {
    var number = number
    var text = [UInt8](repeating: digits[0], count: width)
    for place in stride(from: width - 1, through: 0, by: -1) {
      var remainder = 0
      for index in number.indices {
        let value = remainder << 8 | Int(number[index])
        number[index] = UInt8(value / 62)
        remainder = value % 62
      }
      text[place] = digits[remainder]
    }
    precondition(number.allSatisfy { $0 == 0 }, "the number needs more digits")
    return text
  }
}
