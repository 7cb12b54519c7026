/// Form-encoded parameters as a tree: `items[0][price]=price_1&expand[]=customer`. A handler reads what it
/// knows; what is left over is unknown to Stripe, and an error.
package struct Parameters: Sendable, Equatable {
  struct Node: Sendable, Equatable {
    var text: String?
    var children: [(name: String, node: Node)] = []

    static func == (left: Node, right: Node) -> Bool {
      left.text == right.text && left.children.elementsEqual(right.children) { $0 == $1 }
    }

    mutating func insert(_ path: ArraySlice<String>, _ value: String) {
      guard let name = path.first else {
        text = value
        return
      }
      // `a[]=1&a[]=2`: each is an item of its own.
      if !name.isEmpty, let index = children.firstIndex(where: { $0.name == name }) {
        children[index].node.insert(path.dropFirst(), value)
      } else {
        var node = Node()
        node.insert(path.dropFirst(), value)
        children.append((name, node))
      }
    }
  }

  private var root = Node()
  /// What stands before the names: `items[0]`.
  private var place = ""
  private var known: Set<String> = []

  /// Reads a query or a form body.
  package init(form: String) {
    for pair in form.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = Parameters.unescape(parts[0])
      let path = name.split(separator: "[", omittingEmptySubsequences: false).enumerated().map {
        $0.offset == 0 ? String($0.element) : String($0.element.prefix { $0 != "]" })
      }
      root.insert(path[...], parts.count == 2 ? Parameters.unescape(parts[1]) : "")
    }
  }

  private init(_ root: Node, place: String) {
    self.root = root
    self.place = place
  }

  static func unescape(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "+") {
        bytes.append(UInt8(ascii: " "))
      } else if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private mutating func node(_ name: String) -> Node? {
    known.insert(name)
    return root.children.first { $0.name == name }?.node
  }

  func full(_ name: String) -> String { place.isEmpty ? name : "\(place)[\(name)]" }

  /// Text, be it empty; nil when it isn't there.
  mutating func text(_ name: String) throws(StripeFault) -> String? {
    guard let node = node(name) else { return nil }
    guard node.children.isEmpty else {
      throw StripeFault("Invalid string: \(full(name)) is a hash", param: full(name))
    }
    return node.text
  }

  mutating func required(_ name: String) throws(StripeFault) -> String {
    guard let text = try text(name), !text.isEmpty else { throw .required(full(name)) }
    return text
  }

  mutating func int(_ name: String) throws(StripeFault) -> Int64? {
    guard let text = try text(name), !text.isEmpty else { return nil }
    guard let number = Int64(text) else {
      throw StripeFault(
        "Invalid integer: \(text)", code: "parameter_invalid_integer", param: full(name))
    }
    return number
  }

  mutating func bool(_ name: String) throws(StripeFault) -> Bool? {
    guard let text = try text(name), !text.isEmpty else { return nil }
    guard let value = ["true": true, "false": false][text] else {
      throw StripeFault("Invalid boolean: \(text)", param: full(name))
    }
    return value
  }

  /// One of some words.
  mutating func word<Word: RawRepresentable<String>>(
    _ name: String, _ kind: Word.Type
  ) throws(StripeFault) -> Word? {
    guard let text = try text(name), !text.isEmpty else { return nil }
    guard let word = Word(rawValue: text) else {
      throw StripeFault("Invalid \(full(name)): \(text)", param: full(name))
    }
    return word
  }

  /// The parameters below a name; nil when they aren't there, or were set to nothing.
  mutating func below<Value>(
    _ name: String, _ read: (inout Parameters) throws(StripeFault) -> Value
  ) throws(StripeFault) -> Value? {
    guard let node = node(name), !node.children.isEmpty else { return nil }
    var inner = Parameters(node, place: full(name))
    let value = try read(&inner)
    try inner.finish()
    return value
  }

  /// The items of an array of hashes; nil when it isn't there.
  mutating func list<Value>(
    _ name: String, _ read: (inout Parameters) throws(StripeFault) -> Value
  ) throws(StripeFault) -> [Value]? {
    guard let node = node(name) else { return nil }
    var values: [Value] = []
    for child in node.children {
      var inner = Parameters(child.node, place: "\(full(name))[\(child.name)]")
      values.append(try read(&inner))
      try inner.finish()
    }
    return values
  }

  /// The items of an array of texts.
  mutating func texts(_ name: String) -> [String] { node(name)?.children.compactMap(\.node.text) ?? [] }

  /// It is there, and set to nothing: what clears a field.
  mutating func isCleared(_ name: String) -> Bool {
    guard let node = node(name) else { return false }
    return node.text == "" && node.children.isEmpty
  }

  /// `metadata` over what was there: an empty value takes its key away, empty metadata all of them.
  mutating func metadata(
    _ name: String = "metadata", over old: [String: String] = [:]
  ) throws(StripeFault) -> [String: String] {
    if isCleared(name) { return [:] }
    var result = old
    for child in node(name)?.children ?? [] {
      let text = child.node.text ?? ""
      guard child.name.count <= 40, text.count <= 500, child.node.children.isEmpty else {
        throw StripeFault(
          "Metadata keys may have 40 characters, values 500.", param: "\(full(name))[\(child.name)]")
      }
      result[child.name] = text.isEmpty ? nil : text
    }
    guard result.count <= 50 else {
      throw StripeFault("Metadata may have 50 keys.", param: full(name))
    }
    return result
  }

  /// Stripe knows them; here they have no effect.
  mutating func accept(_ names: String...) { known.formUnion(names) }

  func finish() throws(StripeFault) {
    let unknown = root.children.map(\.name).filter { !known.contains($0) }
    guard let first = unknown.first else { return }
    throw StripeFault(
      unknown.count == 1
        ? "Received unknown parameter: \(full(first))"
        : "Received unknown parameters: \(unknown.map { full($0) }.joined(separator: ", "))",
      code: "parameter_unknown", param: full(first))
  }
}
