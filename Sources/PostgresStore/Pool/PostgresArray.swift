/// The text form of one-dimensional arrays.
enum PostgresArray {
  /// `{"a","b\"c",NULL}`: every element is quoted, so that no element can be taken for syntax.
  static func literal(_ elements: [[UInt8]?]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(elements.reduce(2) { $0 + ($1?.count ?? 4) + 3 })
    bytes.append(UInt8(ascii: "{"))
    for (index, element) in elements.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      guard let element else {
        bytes.append(contentsOf: "NULL".utf8)
        continue
      }
      bytes.append(UInt8(ascii: "\""))
      for byte in element {
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
        bytes.append(byte)
      }
      bytes.append(UInt8(ascii: "\""))
    }
    bytes.append(UInt8(ascii: "}"))
    return bytes
  }

  /// Reads what the server writes; nil when it is no one-dimensional array.
  static func elements(_ text: String) -> [String?]? {
    let bytes = Array(text.utf8)
    guard bytes.count >= 2, bytes.first == UInt8(ascii: "{"), bytes.last == UInt8(ascii: "}") else {
      return nil
    }
    var elements: [String?] = []
    var index = 1
    let end = bytes.count - 1
    while index < end {
      var element: [UInt8] = []
      let isQuoted = bytes[index] == UInt8(ascii: "\"")
      if isQuoted { index += 1 }
      while index < end {
        let byte = bytes[index]
        if isQuoted ? byte == UInt8(ascii: "\"") : byte == UInt8(ascii: ",") { break }
        if byte == UInt8(ascii: "{") && !isQuoted { return nil }
        if byte == UInt8(ascii: "\\"), index + 1 < end { index += 1 }
        element.append(bytes[index])
        index += 1
      }
      if isQuoted { index += 1 }
      let value = String(decoding: element, as: UTF8.self)
      elements.append(!isQuoted && value == "NULL" ? nil : value)
      if index < end {
        guard bytes[index] == UInt8(ascii: ",") else { return nil }
        index += 1
      }
    }
    return elements
  }

  static func hexadecimal(_ bytes: [UInt8]) -> [UInt8] {
    var digits: [UInt8] = []
    digits.reserveCapacity(bytes.count * 2)
    for byte in bytes {
      for nibble in [byte >> 4, byte & 15] { digits.append(nibble < 10 ? 48 + nibble : 87 + nibble) }
    }
    return digits
  }

  /// Reads bytea's `\x…`.
  static func bytes(hexadecimal text: String) -> [UInt8]? {
    guard text.hasPrefix("\\x"), text.utf8.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count / 2)
    var high: UInt8?
    for digit in text.utf8.dropFirst(2) {
      let value: UInt8
      switch digit {
      case 48...57: value = digit - 48
      case 97...102: value = digit - 87
      default: return nil
      }
      if let first = high {
        bytes.append(first << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return bytes
  }
}
