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
    var length = value < 0 ? 2 : 1
    var power = rest
    while power >= 10 {
      power /= 10
      length += 1
    }
    // In one step: each write to the buffer has its price.
    unsafe writeWithUnsafeMutableBytes(minimumWritableBytes: length) { bytes in
      var index = length
      repeat {
        index -= 1
        unsafe bytes[index] = UInt8(truncatingIfNeeded: rest % 10) + 48
        rest /= 10
      } while rest > 0
      if value < 0 { unsafe bytes[0] = UInt8(ascii: "-") }
      return length
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
    let text = instant.rfc3339Bytes
    unsafe text.span.withUnsafeBytes { unsafe _ = writeBytes($0) }
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
