package import Gate

/// A JSON value, with the members of an object in the order they were written. Foundation's decoder can
/// neither tell an unknown or repeated member nor keep 10¹⁵−1 exact through a Double, and the contract
/// refuses all three.
package enum JSON: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int64)
  /// A number that is no Int64, as it was written.
  case number(String)
  case string(String)
  case array([JSON])
  case object([Member])

  /// One name and value of an object.
  package struct Member: Sendable, Equatable {
    /// Unescaped.
    package var name: String
    /// Any JSON.
    package var value: JSON

    /// Makes a member.
    package init(_ name: String, _ value: JSON) {
      self.name = name
      self.value = value
    }
  }

  /// The value of an object's member; nil where there is none, or no object.
  package subscript(_ name: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name == name }?.value
  }

  /// A text, or null.
  package static func text(_ value: String?) -> JSON { value.map(JSON.string) ?? .null }
  /// A number, or null.
  package static func amount(_ value: Int64?) -> JSON { value.map(JSON.integer) ?? .null }
  /// RFC 3339, or null.
  package static func time(_ value: Instant?) -> JSON { value.map { .string($0.rfc3339) } ?? .null }
  /// A text that holds JSON (a stored `metadata`, say), as JSON; as a text if it holds none after all.
  package static func embedded(_ text: String?) -> JSON {
    guard let text else { return .null }
    return (try? JSON(parsing: Array(text.utf8))) ?? .string(text)
  }
}

extension JSON: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByStringLiteral,
  ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral
{
  /// Members in the order written.
  package init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(elements.map { Member($0.0, $0.1) })
  }
  /// An array.
  package init(arrayLiteral elements: JSON...) { self = .array(elements) }
  /// A text.
  package init(stringLiteral value: String) { self = .string(value) }
  /// A whole number.
  package init(integerLiteral value: Int64) { self = .integer(value) }
  /// A truth value.
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  /// null.
  package init(nilLiteral: ()) { self = .null }
}
