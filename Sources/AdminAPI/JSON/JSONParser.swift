/// Why a text is not JSON that Tollgate takes; for the caller to read.
package struct JSONError: Error, Sendable, Equatable {
  /// What is wrong.
  package var message: String
  /// The member it is about, where it is about one.
  package var field: String?
}

extension JSON {
  /// Reads exactly one value of RFC 8259 JSON in UTF-8. Stricter than the RFC asks for: a repeated member
  /// and a lone surrogate are refused, because two readers would understand them differently.
  package init(parsing bytes: [UInt8]) throws(JSONError) {
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw JSONError(message: "is not valid UTF-8", field: nil)
    }
    var parser = JSONParser(bytes: bytes)
    self = try parser.document()
  }
}

/// Recursive descent over the bytes; nesting is bounded, so the stack is too.
private struct JSONParser {
  static let depthMax = 32
  let bytes: [UInt8]
  var index = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func document() throws(JSONError) -> JSON {
    let value = try value(depth: 0)
    skipBlanks()
    guard index == bytes.count else { throw unexpected() }
    return value
  }

  private var current: UInt8? { index < bytes.count ? bytes[index] : nil }

  private func unexpected() -> JSONError {
    JSONError(message: "is not valid JSON (at byte \(index))", field: nil)
  }

  private mutating func skipBlanks() {
    while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard current == byte else { return false }
    index += 1
    return true
  }

  private mutating func value(depth: Int) throws(JSONError) -> JSON {
    guard depth < JSONParser.depthMax else {
      throw JSONError(message: "is nested too deeply", field: nil)
    }
    skipBlanks()
    switch current {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func word(_ word: String, _ value: JSON) throws(JSONError) -> JSON {
    guard bytes[index...].starts(with: word.utf8) else { throw unexpected() }
    index += word.utf8.count
    return value
  }

  private mutating func object(depth: Int) throws(JSONError) -> JSON {
    index += 1
    var members: [JSON.Member] = []
    var names: Set<String> = []
    skipBlanks()
    if take(UInt8(ascii: "}")) { return .object([]) }
    repeat {
      skipBlanks()
      guard current == UInt8(ascii: "\"") else { throw unexpected() }
      let name = try string()
      guard names.insert(name).inserted else { throw JSONError(message: "is given twice", field: name) }
      skipBlanks()
      guard take(UInt8(ascii: ":")) else { throw unexpected() }
      members.append(JSON.Member(name, try value(depth: depth + 1)))
      skipBlanks()
    } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "}")) else { throw unexpected() }
    return .object(members)
  }

  private mutating func array(depth: Int) throws(JSONError) -> JSON {
    index += 1
    var values: [JSON] = []
    skipBlanks()
    if take(UInt8(ascii: "]")) { return .array([]) }
    repeat {
      values.append(try value(depth: depth + 1))
      skipBlanks()
    } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "]")) else { throw unexpected() }
    return .array(values)
  }

  private mutating func number() throws(JSONError) -> JSON {
    let start = index
    _ = take(UInt8(ascii: "-"))
    let first = current
    let whole = digits()
    guard whole > 0, whole == 1 || first != UInt8(ascii: "0") else { throw unexpected() }
    if take(UInt8(ascii: ".")), digits() == 0 { throw unexpected() }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      guard digits() > 0 else { throw unexpected() }
    }
    let text = String(decoding: bytes[start..<index], as: UTF8.self)
    return Int64(text).map(JSON.integer) ?? .number(text)
  }

  private mutating func digits() -> Int {
    let start = index
    while let byte = current, (48...57).contains(byte) { index += 1 }
    return index - start
  }

  private mutating func string() throws(JSONError) -> String {
    index += 1
    var text: [UInt8] = []
    while let byte = current {
      index += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): text.append(contentsOf: try escape())
      case 0x00...0x1F: throw unexpected()
      default: text.append(byte)
      }
    }
    throw unexpected()
  }

  private mutating func escape() throws(JSONError) -> [UInt8] {
    guard let byte = current else { throw unexpected() }
    index += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"): break
    default: throw unexpected()
    }
    let first = try hexadecimal()
    if let scalar = Unicode.Scalar(first) { return Array(String(Character(scalar)).utf8) }
    // A high surrogate: its low one has to follow as another escape.
    guard (0xD800..<0xDC00).contains(first), take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
      throw unexpected()
    }
    let second = try hexadecimal()
    guard (0xDC00..<0xE000).contains(second),
      let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
    else { throw unexpected() }
    return Array(String(Character(scalar)).utf8)
  }

  private mutating func hexadecimal() throws(JSONError) -> UInt32 {
    guard index + 4 <= bytes.count else { throw unexpected() }
    let text = String(decoding: bytes[index..<index + 4], as: UTF8.self)
    // `UInt32(_:radix:)` takes a sign, JSON doesn't.
    guard text.first != "+", let value = UInt32(text, radix: 16) else { throw unexpected() }
    index += 4
    return value
  }
}
