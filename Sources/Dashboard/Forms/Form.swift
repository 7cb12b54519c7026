internal import AdminAPI
internal import Gate

/// The fields that a form sent.
struct Form: Sendable {
  private var fields: [String: String] = [:]

  init() {}

  /// Throws for another kind of body, and for fields that were sent twice.
  init(_ request: ControlRequest) throws(Problem) {
    let type = try request.value(of: "Content-Type")?.split(separator: ";").first.map(String.init)
    guard type?.lowercased() == "application/x-www-form-urlencoded" else {
      throw Problem(.unsupportedMediaType, "A form has to be application/x-www-form-urlencoded.")
    }
    guard let text = String(validating: request.body, as: UTF8.self) else {
      throw Problem(.invalidRequest, "The form is not valid UTF-8.")
    }
    for (name, value) in try Query.parse(text) {
      guard fields[name] == nil else { throw .invalid(name, "was sent more than once") }
      fields[name] = value
    }
  }

  /// The value, without blanks around it; nil for an empty one.
  func text(_ name: String) -> String? {
    guard let value = fields[name] else { return nil }
    let text = value.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed()
    return text.isEmpty ? nil : String(text)
  }

  /// How a field's text becomes a member of a call's body.
  enum Kind {
    case text
    /// As text, and null where it is empty: what was there is taken away.
    case clearable
    /// A whole number, with or without commas.
    case number
    /// The value of a `datetime-local`, which has no zone: it is taken as UTC, as the label says.
    case time
  }

  /// The body of a call. What is left empty is left out, and what can't be read is passed on as it is: the
  /// call's own rules say what is wrong with it.
  func body(_ members: [(name: String, kind: Kind)]) -> JSON {
    .object(
      members.compactMap { name, kind in
        guard let text = text(name) else { return kind == .clearable ? JSON.Member(name, .null) : nil }
        switch kind {
        case .text, .clearable: return JSON.Member(name, .string(text))
        case .number:
          let digits = text.filter { $0 != "," && $0 != "_" && $0 != " " }
          return JSON.Member(name, Int64(digits).map(JSON.integer) ?? .string(text))
        case .time:
          let whole = text.utf8.count == 16 ? "\(text):00Z" : text.utf8.count == 19 ? "\(text)Z" : text
          return JSON.Member(name, .string(whole))
        }
      })
  }
}
