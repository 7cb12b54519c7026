/// A JSON document whose members keep their order, as Stripe's do.
package enum JSON: Sendable, Equatable {
  /// One member of an object.
  package struct Member: Sendable, Equatable {
    /// Its name.
    package var name: String
    /// What it holds.
    package var value: JSON
  }

  case null
  case bool(Bool)
  case int(Int64)
  case string(String)
  case array([JSON])
  case object([Member])

  /// A member of an object; null for anything else. Setting null keeps the member.
  package subscript(_ name: String) -> JSON {
    get {
      guard case .object(let members) = self else { return .null }
      return members.first { $0.name == name }?.value ?? .null
    }
    set {
      guard case .object(var members) = self else { return }
      if let index = members.firstIndex(where: { $0.name == name }) {
        members[index].value = newValue
      } else {
        members.append(Member(name: name, value: newValue))
      }
      self = .object(members)
    }
  }

  /// An item of an array; null past its end.
  package subscript(_ index: Int) -> JSON { array.indices.contains(index) ? array[index] : .null }

  /// The text of a string.
  package var string: String? { if case .string(let text) = self { text } else { nil } }
  /// A number.
  package var int: Int64? { if case .int(let number) = self { number } else { nil } }
  /// `true` or `false`.
  package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  /// The items of an array, or of a Stripe list; none for anything else.
  package var array: [JSON] {
    if case .array(let items) = self { return items }
    if case .array(let items) = self["data"] { return items }
    return []
  }
  /// The members of an object, in their order; none for anything else.
  package var members: [Member] { if case .object(let members) = self { members } else { [] } }

  /// Whether an object has the member, be it null.
  package func has(_ name: String) -> Bool { members.contains { $0.name == name } }

  mutating func remove(_ name: String) {
    guard case .object(let members) = self else { return }
    self = .object(members.filter { $0.name != name })
  }

  /// The object with the members of another behind its own.
  func with(_ other: JSON) -> JSON { .object(members + other.members) }

  /// The text, or null.
  package static func text(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }
  static func number(_ number: Int64?) -> JSON { number.map { .int($0) } ?? .null }
  static func texts(_ texts: [String: String]) -> JSON {
    .object(texts.keys.sorted().map { Member(name: $0, value: .string(texts[$0] ?? "")) })
  }
  /// A list as Stripe embeds it, whole.
  static func list(_ items: [JSON], url: String, hasMore: Bool = false, total: Int? = nil) -> JSON {
    var list: JSON = ["object": "list", "data": .array(items), "has_more": .bool(hasMore)]
    if let total { list["total_count"] = .int(Int64(total)) }
    list["url"] = .string(url)
    return list
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  package init(stringLiteral text: String) { self = .string(text) }
  package init(integerLiteral number: Int64) { self = .int(number) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(arrayLiteral items: JSON...) { self = .array(items) }
  package init(nilLiteral: ()) { self = .null }
  package init(dictionaryLiteral members: (String, JSON)...) {
    self = .object(members.map { Member(name: $0.0, value: $0.1) })
  }
}
