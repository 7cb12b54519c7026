internal import AdminAPI

/// What pages read of the API's answers.
extension JSON {
  /// A text; nil for anything else.
  var text: String? { if case .string(let text) = self { text } else { nil } }
  /// A whole number; nil for anything else.
  var number: Int64? { if case .integer(let number) = self { number } else { nil } }
  /// Any number.
  var double: Double? {
    switch self {
    case .integer(let number): Double(number)
    case .number(let text): Double(text)
    default: nil
    }
  }
  /// The members of an object; none for anything else.
  var members: [Member] { if case .object(let members) = self { members } else { [] } }
  /// An array's items, or those of a list's answer.
  var items: [JSON] {
    switch self {
    case .array(let items): items
    case .object: self["items"]?.items ?? []
    default: []
    }
  }
}
