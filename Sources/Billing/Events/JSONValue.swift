/// A JSON document as a tree. Stripe's payloads come in many versions, so nothing about their shape is taken
/// for granted: what is missing or of another type reads as nil.
package indirect enum JSONValue: Sendable, Hashable {
  case null
  case bool(Bool)
  /// A number with an exact Int64.
  case int(Int64)
  case double(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  /// nil unless the bytes are one JSON document in UTF-8.
  package init?(json: [UInt8]) {
    guard let value = JSONReader.read(json) else { return nil }
    self = value
  }

  /// A member of an object; null for anything else.
  package subscript(_ key: String) -> JSONValue {
    if case .object(let members) = self { members[key] ?? .null } else { .null }
  }

  /// A non-empty string without NUL, which Postgres can't store.
  package var string: String? {
    guard case .string(let text) = self, !text.isEmpty, !text.utf8.contains(0) else { return nil }
    return text
  }
  /// A number without a fraction that fits.
  package var int: Int64? { if case .int(let value) = self { value } else { nil } }
  /// `true` or `false`.
  package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  /// The items of an array; none for anything else.
  package var array: [JSONValue] { if case .array(let items) = self { items } else { [] } }
  /// It has members.
  package var isObject: Bool { if case .object = self { true } else { false } }
  /// It is null, or isn't there.
  package var isNull: Bool { self == .null }

  /// The id of an expandable field: a string, or the `id` of the object that stands in its place.
  package var id: String? {
    guard let text = string ?? self["id"].string, Identifier255.isValid(text) else { return nil }
    return text
  }
}

/// What may be an id of Stripe's: up to 255 bytes of visible ASCII.
/// Source: https://docs.stripe.com/upgrades#what-changes-does-stripe-consider-to-be-backward-compatible
enum Identifier255 {
  static func isValid(_ text: String) -> Bool {
    text.utf8.count <= 255 && text.utf8.allSatisfy { $0 >= 0x21 && $0 <= 0x7E }
  }
}
