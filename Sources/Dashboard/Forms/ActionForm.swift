internal import AdminAPI
internal import Gate
internal import Signatures

/// A page that asks before something is done: it says what will happen, takes what is needed for it, and
/// has one button that does it. Without fields it is a plain confirmation.
struct ActionForm: Sendable {
  struct Field: Sendable {
    enum Kind: Sendable, Equatable {
      case text
      case email
      case url
      case number
      case time
      case secret
      case choice([String])
    }
    var name: String
    var label: String
    var hint: String?
    var kind: Kind = .text
    var value: String?
    var isRequired = false
  }
  var title: String
  var section: Navigation.Section
  /// What will happen, a sentence or two each.
  var says: [String]
  var fields: [Field] = []
  var button: String
  /// It takes something away.
  var isDestructive = false
  /// Where it was come from.
  var back: String
}

extension PageRoute {
  /// The page of a form at `template`, and what it does when it is sent there. What the call finds wrong is
  /// shown at the fields, with what was typed.
  static func action(
    _ template: String, form: @escaping @Sendable (Visit) async throws -> ActionForm,
    do perform: @escaping @Sendable (Visit) async throws -> ControlResponse
  ) -> [PageRoute] {
    [
      PageRoute("GET", template, .operator) { visit in try await form(visit).page(visit) },
      PageRoute("POST", template, .operator) { visit in
        do { return try await perform(visit) } catch {
          let problem = Problem.from(error, logger: visit.logger)
          guard problem.code != .notFound else { throw problem }
          return try await form(visit).page(visit, problem: problem)
        }
      },
    ]
  }
}

extension ActionForm {
  func page(_ visit: Visit, problem: Problem? = nil) -> ControlResponse {
    let errors = problem?.errors ?? []
    let known = Set(fields.map(\.name))
    let atFields = errors.filter { known.contains($0.field) }
    // What belongs to no field is said above them.
    let above = problem.flatMap { atFields.isEmpty ? $0.detail : nil }
    let context: [String: View] = [
      "title": .text(title), "says": .list(says.map(View.text)),
      "fields": .list(fields.map { field in field.view(visit, errors: errors, isRetry: problem != nil) }),
      "button": .text(button), "destructive": .flag(isDestructive), "back": .text(back),
      "problem": .text(above), "action": .text(visit.request.path),
      // The same form sent twice is done once.
      "once": .text(visit.form.text("once") ?? Hex.encode(RandomBytes.make(count: 16))),
    ]
    return visit.page(title, "form", context, section: section, status: problem?.code.status ?? 200)
  }
}

extension ActionForm.Field {
  fileprivate func view(_ visit: Visit, errors: [FieldError], isRetry: Bool) -> View {
    let error = errors.first { $0.field == name }
    let value = isRetry && kind != .secret ? visit.form.text(name) : value
    var members: [String: View] = [
      "name": .text(name), "label": .text(label), "hint": .text(hint), "value": .text(value),
      "required": .flag(isRequired), "error": .text(error.map { "This \($0.message)." }), "select": .null,
      "type": .null, "numeric": .null,
    ]
    members["described"] = .flag(hint != nil || error != nil)
    switch kind {
    case .text: members["type"] = .text("text")
    case .email: members["type"] = .text("email")
    case .url: members["type"] = .text("url")
    case .secret: members["type"] = .text("password")
    case .number:
      members["type"] = .text("text")
      members["numeric"] = .flag(true)
    case .time: members["type"] = .text("datetime-local")
    case .choice(let choices):
      let all = isRequired ? choices : [""] + choices
      members["select"] = .list(
        all.map { choice in
          .object([
            "value": .text(choice), "name": .text(choice.isEmpty ? "none" : choice),
            "selected": .flag(choice == (value ?? "")),
          ])
        })
    }
    return .object(members)
  }
}
