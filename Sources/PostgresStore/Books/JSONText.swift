/// Writes JSON by hand: the books' batches need no more than this, and Foundation would be a heavy guest.
struct JSONText {
  private(set) var bytes: [UInt8] = []

  var text: String { String(decoding: bytes, as: UTF8.self) }

  mutating func raw(_ text: StaticString) {
    unsafe bytes.append(
      contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  mutating func number(_ value: Int64) { bytes.append(contentsOf: String(value).utf8) }

  /// A zero byte becomes U+FFFD: jsonb has no zero, and one entry's text must not keep a batch out of the
  /// books.
  mutating func string(_ value: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in value.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      case 0: bytes.append(contentsOf: [0xEF, 0xBF, 0xBD])
      case 1..<0x20:
        bytes.append(contentsOf: "\\u00".utf8)
        bytes.append(byte < 16 ? 48 : 49)
        let low = byte & 15
        bytes.append(low < 10 ? 48 + low : 87 + low)
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  /// `"key":value,` or nothing.
  mutating func field(_ key: StaticString, _ value: Int64?) {
    guard let value else { return }
    name(key)
    number(value)
    raw(",")
  }
  mutating func field(_ key: StaticString, _ value: Bool) {
    name(key)
    raw(value ? "true" : "false")
    raw(",")
  }
  mutating func field(_ key: StaticString, _ value: String?) {
    guard let value else { return }
    name(key)
    string(value)
    raw(",")
  }
  mutating func array<Element>(
    _ key: StaticString, _ elements: [Element], _ write: (inout JSONText, Element) -> Void
  ) {
    name(key)
    raw("[")
    for (index, element) in elements.enumerated() {
      if index > 0 { raw(",") }
      write(&self, element)
    }
    raw("],")
  }
  /// The comma behind the last field becomes the closing brace.
  mutating func closeObject() {
    if bytes.last == UInt8(ascii: ",") { bytes.removeLast() }
    raw("}")
  }

  private mutating func name(_ key: StaticString) {
    raw("\"")
    raw(key)
    raw("\":")
  }
}
