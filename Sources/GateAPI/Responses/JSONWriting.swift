internal import Gate
internal import NIOCore

/// JSON by hand, straight into the out-buffer: the data plane's answers are few and flat.
extension ByteBuffer {
  mutating func json(_ text: StaticString) { writeStaticString(text) }

  mutating func json(_ value: Int64) {
    var rest = value.magnitude
    if rest < 10, value >= 0 {
      writeInteger(UInt8(truncatingIfNeeded: rest) + 48)
      return
    }
    // Digits come last first; twenty bytes hold any of them.
    var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)
    var count = 0
    while rest > 0 {
      let digit = UInt64(rest % 10) + 48
      rest /= 10
      if count < 8 {
        digits.0 = digits.0 >> 8 | digit << 56
      } else if count < 16 {
        digits.1 = digits.1 >> 8 | digit << 56
      } else {
        digits.2 = digits.2 >> 8 | digit << 56
      }
      count += 1
    }
    if value < 0 { writeInteger(UInt8(ascii: "-")) }
    if count > 16 { writeTail(digits.2, count: count - 16) }
    if count > 8 { writeTail(digits.1, count: min(count, 16) - 8) }
    writeTail(digits.0, count: min(count, 8))
  }

  /// The last `count` of eight bytes, of which the first written stands highest.
  private mutating func writeTail(_ word: UInt64, count: Int) {
    if count == 8 {
      writeInteger(word)
    } else {
      for shift in stride(from: 56, to: 56 - 8 * count, by: -8) {
        writeInteger(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
      }
    }
  }

  /// A JSON string, quotes and escapes included.
  mutating func json(string text: String) {
    writeInteger(UInt8(ascii: "\""))
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C }) {
      writeString(text)
    } else {
      for byte in text.utf8 {
        switch byte {
        case 0x22: writeStaticString("\\\"")
        case 0x5C: writeStaticString("\\\\")
        case 0..<0x20:
          writeStaticString("\\u00")
          writeInteger(ByteBuffer.hexDigit(byte >> 4))
          writeInteger(ByteBuffer.hexDigit(byte & 15))
        default: writeInteger(byte)
        }
      }
    }
    writeInteger(UInt8(ascii: "\""))
  }

  mutating func json(stringOrNull text: String?) {
    if let text { json(string: text) } else { json("null") }
  }

  mutating func json(_ instant: Instant?) {
    guard let instant else { return json("null") }
    writeInteger(UInt8(ascii: "\""))
    writeBytes(instant.rfc3339Bytes)
    writeInteger(UInt8(ascii: "\""))
  }

  mutating func json(_ budget: Budget) {
    json("{\"limit\":")
    json(budget.limit)
    json(",\"used\":")
    json(budget.used)
    json(",\"held\":")
    json(budget.held)
    json(",\"remaining\":")
    json(budget.remaining)
    json(",\"debt\":")
    json(budget.debt)
    json(",\"resets_at\":")
    json(budget.resetsAt)
    json("}")
  }

  static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }
}
