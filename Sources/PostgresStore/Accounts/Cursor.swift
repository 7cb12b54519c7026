import Gate

/// The place in a list after which the next page starts: the key of the last row given. It travels as
/// base64url; what is in it is nobody's business.
enum Cursor {
  private static let separator: UInt8 = 0x1F
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  static func encode(_ key: [String]) -> String {
    let bytes = Array(key.joined(separator: "\u{1F}").utf8)
    var text: [UInt8] = []
    var index = 0
    while index < bytes.count {
      let taken = min(3, bytes.count - index)
      var group: UInt32 = 0
      for offset in 0..<3 {
        group = group << 8 | (offset < taken ? UInt32(bytes[index + offset]) : 0)
      }
      for digit in 0...taken { text.append(alphabet[Int(group >> UInt32(18 - 6 * digit) & 63)]) }
      index += 3
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// nil for no cursor; throws `invalid` for one that was not made by ``encode(_:)`` with `count` parts.
  static func decode(_ text: String?, count: Int) throws(StoreError) -> [String]? {
    guard let text else { return nil }
    let invalid = StoreError.invalid(field: "cursor", message: "is not a cursor of this list")
    guard text.utf8.count <= 1024, text.utf8.count % 4 != 1 else { throw invalid }
    var bytes: [UInt8] = []
    var bits: UInt32 = 0
    var held: UInt32 = 0
    for digit in text.utf8 {
      guard let value = alphabet.firstIndex(of: digit) else { throw invalid }
      bits = bits << 6 | UInt32(value)
      held += 6
      if held >= 8 {
        held -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> held))
      }
    }
    // A zero can't be bound as text, and none is ever given out.
    guard !bytes.contains(0), let key = String(validating: bytes, as: UTF8.self) else { throw invalid }
    let parts = key.split(separator: Character(UnicodeScalar(separator)), omittingEmptySubsequences: false)
    guard parts.count == count else { throw invalid }
    return parts.map(String.init)
  }

  /// The same, of numbers.
  static func decodeNumbers(_ text: String?, count: Int) throws(StoreError) -> [Int64]? {
    guard let parts = try decode(text, count: count) else { return nil }
    let numbers = parts.compactMap { Int64($0) }
    guard numbers.count == count else {
      throw .invalid(field: "cursor", message: "is not a cursor of this list")
    }
    return numbers
  }
}

/// What a list is searched by.
enum SearchPattern {
  /// For LIKE: all that has the text in it.
  static func containing(_ text: String) -> String {
    var pattern = "%"
    for character in text.unicodeScalars {
      if character == "%" || character == "_" || character == "\\" { pattern += "\\" }
      pattern.unicodeScalars.append(character)
    }
    return pattern + "%"
  }

  /// For LIKE: what has the text in it. Without three letters or digits in a row it has no trigram, by which that
  /// could be found quickly among many: then what begins with it.
  static func quicklyContaining(_ text: String) -> String {
    let pattern = containing(text)
    return hasTrigram(text) ? pattern : String(pattern.dropFirst())
  }

  private static func hasTrigram(_ text: String) -> Bool {
    var run = 0
    for byte in text.utf8 {
      let isWord = (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
      run = isWord ? run + 1 : 0
      if run == 3 { return true }
    }
    return false
  }

  /// All that begin with a text that ends in a dot: from the text itself to before this, byte by byte.
  static func end(ofPrefix text: String) -> String { text.dropLast() + "/" }
}

extension PostgresRows {
  /// A page of rows that were read with one more than the limit, to know whether there are more.
  func page<Item: Sendable>(
    _ request: PageRequest, item: (PostgresRow) throws(StoreError) -> Item, key: (PostgresRow) -> [String]
  ) throws(StoreError) -> Page<Item> {
    let limit = request.boundedLimit
    var items: [Item] = []
    for index in 0..<min(count, limit) { items.append(try item(self[index])) }
    return Page(items: items, nextCursor: count > limit ? Cursor.encode(key(self[limit - 1])) : nil)
  }
}

extension PageRequest {
  var boundedLimit: Int { min(max(limit, Limits.pageItems.lowerBound), Limits.pageItems.upperBound) }
  /// For LIMIT: one more than is given.
  var rowsToRead: PostgresValue { .int(Int64(boundedLimit + 1)) }
}
