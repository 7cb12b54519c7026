internal import Gate

/// Reads a flat JSON object (RFC 8259) in place. It knows no tree: members are told to the caller one by one,
/// who takes the value or has it skipped. Stricter than the grammar where a lax reading would hide a mistake:
/// duplicate members, U+0000 and lone surrogates are refused.
package struct JSONScanner: ~Copyable, ~Escapable {
  private let bytes: Span<UInt8>
  private var index = 0
  private static let depthMax = 16

  /// A scanner at the beginning of `bytes`.
  @_lifetime(copy bytes)
  package init(_ bytes: Span<UInt8>) { self.bytes = bytes }

  /// Why a text is not the object that was asked for: no JSON, or one field of it is wrong.
  package enum Failure: Error {
    case malformed
    case field(FieldError)

    /// Worded only once it is thrown: a text costs more than the number it would be about.
    static func notInteger(_ name: String, _ range: ClosedRange<Int64>) -> Failure {
      .field(
        FieldError(field: name, message: "must be an integer from \(range.lowerBound) to \(range.upperBound)")
      )
    }
  }

  private var current: UInt8 { index < bytes.count ? bytes[index] : 0 }

  @_lifetime(self: copy self)
  private mutating func skipSpace() {
    while index < bytes.count, bytes[index] == 0x20 || (0x09...0x0D).contains(bytes[index]) {
      if bytes[index] == 0x0B || bytes[index] == 0x0C { return }
      index += 1
    }
  }

  @_lifetime(self: copy self)
  private mutating func expect(_ byte: UInt8) throws(Failure) {
    guard index < bytes.count, bytes[index] == byte else { throw .malformed }
    index += 1
  }

  /// Reads the whole text as one object. Its members are put into `body`; those that `allowed` doesn't have are
  /// refused by name.
  @_lifetime(self: copy self)
  package mutating func readObject(into body: inout GateBody, allowed: GateBody.Fields) throws(Failure) {
    skipSpace()
    try expect(0x7B)
    skipSpace()
    if current == 0x7D {
      index += 1
    } else {
      repeat {
        skipSpace()
        let name = try string()
        skipSpace()
        try expect(0x3A)
        skipSpace()
        try member(name, into: &body, allowed: allowed)
        skipSpace()
        if current == 0x2C {
          index += 1
        } else {
          break
        }
      } while true
      try expect(0x7D)
    }
    skipSpace()
    guard index == bytes.count else { throw .malformed }
  }

  @_lifetime(self: copy self)
  private mutating func member(
    _ name: String, into body: inout GateBody, allowed: GateBody.Fields
  ) throws(Failure) {
    guard let field = GateBody.Fields(name: name), allowed.contains(field) else {
      try skip(depth: 0)
      throw .field(FieldError(field: printable(name), message: "is not a field of this request"))
    }
    guard body.given.insert(field).inserted else {
      throw .field(FieldError(field: name, message: "is given twice"))
    }
    switch field {
    case .tokens: body.tokens = try integer(name, 0...Limits.tokensMax)
    case .ttl: body.ttlSeconds = try integer(name, Limits.holdSeconds)
    case .partial: body.partial = try boolean(name)
    case .explain: body.explain = try boolean(name)
    case .usedSoFar: body.usedSoFar = try integer(name, 0...Limits.tokensMax)
    case .metadata: body.metadata = try object(name)
    case .feature: body.feature = try text(name)
    case .mode: body.mode = try text(name)
    case .user: body.user = try text(name)
    case .outcome: body.outcome = try text(name)
    default: body.occurredAt = try text(name)
    }
  }

  // MARK: Values

  @_lifetime(self: copy self)
  private mutating func text(_ name: String) throws(Failure) -> String? {
    if try null() { return nil }
    guard current == 0x22 else {
      try skip(depth: 0)
      throw .field(FieldError(field: name, message: "must be a string"))
    }
    return try string()
  }

  @_lifetime(self: copy self)
  private mutating func integer(_ name: String, _ range: ClosedRange<Int64>) throws(Failure) -> Int64? {
    if try null() { return nil }
    let start = index
    guard current == 0x2D || (0x30...0x39).contains(current) else {
      try skip(depth: 0)
      throw .notInteger(name, range)
    }
    try number()
    var value: Int64 = 0
    for position in start..<index {
      guard (0x30...0x39).contains(bytes[position]) else { throw .notInteger(name, range) }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int64(bytes[position] - 0x30))
      guard !overflow, !carry else { throw .notInteger(name, range) }
      value = sum
    }
    guard range.contains(value) else { throw .notInteger(name, range) }
    return value
  }

  @_lifetime(self: copy self)
  private mutating func boolean(_ name: String) throws(Failure) -> Bool {
    if current == 0x74 {
      try literal("true")
      return true
    }
    if current == 0x66 {
      try literal("false")
      return false
    }
    try skip(depth: 0)
    throw .field(FieldError(field: name, message: "must be true or false"))
  }

  @_lifetime(self: copy self)
  private mutating func object(_ name: String) throws(Failure) -> String? {
    if try null() { return nil }
    let start = index
    let isObject = current == 0x7B
    try skip(depth: 0)
    guard isObject else { throw .field(FieldError(field: name, message: "must be an object")) }
    guard index - start <= Limits.metadataBytesMax else {
      throw .field(FieldError(field: name, message: "must not exceed \(Limits.metadataBytesMax) bytes"))
    }
    return try decode(start, index)
  }

  @_lifetime(self: copy self)
  private mutating func null() throws(Failure) -> Bool {
    guard current == 0x6E else { return false }
    try literal("null")
    return true
  }

  // MARK: Grammar

  @_lifetime(self: copy self)
  private mutating func literal(_ word: StaticString) throws(Failure) {
    let count = word.utf8CodeUnitCount
    guard index + count <= bytes.count else { throw .malformed }
    for (offset, byte) in word.description.utf8.enumerated() where bytes[index + offset] != byte {
      throw .malformed
    }
    index += count
  }

  @_lifetime(self: copy self)
  private mutating func digits() throws(Failure) {
    let start = index
    while (0x30...0x39).contains(current) { index += 1 }
    guard index > start else { throw .malformed }
  }

  @_lifetime(self: copy self)
  private mutating func number() throws(Failure) {
    if current == 0x2D { index += 1 }
    if current == 0x30 { index += 1 } else { try digits() }
    if current == 0x2E {
      index += 1
      try digits()
    }
    if current | 0x20 == 0x65 {
      index += 1
      if current == 0x2B || current == 0x2D { index += 1 }
      try digits()
    }
  }

  @_lifetime(self: copy self)
  private mutating func skip(depth: Int) throws(Failure) {
    guard depth <= JSONScanner.depthMax else { throw .malformed }
    switch current {
    case 0x22: try skipString()
    case 0x7B: try skipContainer(0x7D, depth: depth, hasNames: true)
    case 0x5B: try skipContainer(0x5D, depth: depth, hasNames: false)
    case 0x74: try literal("true")
    case 0x66: try literal("false")
    case 0x6E: try literal("null")
    default: try number()
    }
  }

  @_lifetime(self: copy self)
  private mutating func skipContainer(_ end: UInt8, depth: Int, hasNames: Bool) throws(Failure) {
    index += 1
    skipSpace()
    if current == end {
      index += 1
      return
    }
    while true {
      skipSpace()
      if hasNames {
        try skipString()
        skipSpace()
        try expect(0x3A)
        skipSpace()
      }
      try skip(depth: depth + 1)
      skipSpace()
      if current == 0x2C {
        index += 1
        continue
      }
      return try expect(end)
    }
  }

  /// Moves past a string; says whether it has escapes.
  @discardableResult
  @_lifetime(self: copy self)
  private mutating func skipString() throws(Failure) -> Bool {
    try expect(0x22)
    var hasEscapes = false
    while index < bytes.count {
      let byte = bytes[index]
      switch byte {
      case 0x22:
        index += 1
        return hasEscapes
      case 0x5C:
        hasEscapes = true
        index += 1
        _ = try escape()
      case 0..<0x20: throw .malformed
      default: index += 1
      }
    }
    throw .malformed
  }

  /// Reads what follows a backslash.
  @_lifetime(self: copy self)
  private mutating func escape() throws(Failure) -> Unicode.Scalar {
    let byte = current
    index += 1
    switch byte {
    case 0x22, 0x5C, 0x2F: return Unicode.Scalar(byte)
    case 0x62: return "\u{8}"
    case 0x66: return "\u{C}"
    case 0x6E: return "\n"
    case 0x72: return "\r"
    case 0x74: return "\t"
    case 0x75: break
    default: throw .malformed
    }
    var value = try hex()
    if (0xD800..<0xDC00).contains(value) {
      guard current == 0x5C, index + 1 < bytes.count, bytes[index + 1] == 0x75 else { throw .malformed }
      index += 2
      let low = try hex()
      guard (0xDC00..<0xE000).contains(low) else { throw .malformed }
      value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
    }
    guard value != 0, let scalar = Unicode.Scalar(value) else { throw .malformed }
    return scalar
  }

  @_lifetime(self: copy self)
  private mutating func hex() throws(Failure) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      let byte = current
      switch byte {
      case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
      case 0x41...0x46: value = value << 4 | UInt32(byte - 0x41 + 10)
      case 0x61...0x66: value = value << 4 | UInt32(byte - 0x61 + 10)
      default: throw .malformed
      }
      index += 1
    }
    return value
  }

  @_lifetime(self: copy self)
  private mutating func string() throws(Failure) -> String {
    let start = index
    guard try skipString() else { return try decode(start + 1, index - 1) }
    let end = index - 1
    var text = ""
    index = start + 1
    var plain = index
    while index < end {
      if bytes[index] == 0x5C {
        text += try decode(plain, index)
        index += 1
        text.unicodeScalars.append(try escape())
        plain = index
      } else {
        index += 1
      }
    }
    text += try decode(plain, end)
    index = end + 1
    return text
  }

  private func decode(_ lower: Int, _ upper: Int) throws(Failure) -> String {
    let part = bytes.extracting(lower..<upper)
    guard let utf8 = try? UTF8Span(validating: part) else { throw .malformed }
    return String(copying: utf8)
  }

  /// What an unknown name may look like in an answer.
  private func printable(_ name: String) -> String {
    String(
      String.UnicodeScalarView(name.unicodeScalars.prefix(64).filter { $0.value >= 0x20 && $0.value < 0x7F }))
  }
}

extension GateBody.Fields {
  init?(name: String) {
    switch name {
    case "feature": self = .feature
    case "tokens": self = .tokens
    case "mode": self = .mode
    case "user": self = .user
    case "ttl_s": self = .ttl
    case "partial": self = .partial
    case "explain": self = .explain
    case "used_so_far": self = .usedSoFar
    case "metadata": self = .metadata
    case "outcome": self = .outcome
    case "occurred_at": self = .occurredAt
    default: return nil
    }
  }
}
