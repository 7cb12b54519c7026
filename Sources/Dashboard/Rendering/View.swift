internal import AdminAPI
internal import Gate
internal import Mustache

/// What a template is given. Names that aren't there read as nothing; a member that is `null` does so too,
/// and keeps a template from finding a member of the same name further out.
indirect enum View: Sendable {
  case null
  case flag(Bool)
  /// A number of something, shown with separators.
  case number(Int64)
  /// A number as it was written.
  case exact(String)
  case string(String)
  case list([View])
  case object([String: View])

  /// A text, or nothing.
  static func text(_ text: String?) -> View { text.map(View.string) ?? .null }
  /// A number, or nothing.
  static func amount(_ amount: Int64?) -> View { amount.map(View.number) ?? .null }
  /// A moment, to be shown by a transform; or nothing.
  static func time(_ time: Instant?) -> View { text(time?.rfc3339) }

  /// A value of the API.
  init(_ json: JSON) {
    switch json {
    case .null: self = .null
    case .bool(let flag): self = .flag(flag)
    case .integer(let number): self = .number(number)
    case .number(let text): self = .exact(text)
    case .string(let text): self = .string(text)
    case .array(let items): self = .list(items.map(View.init))
    case .object(let members):
      self = .object(Dictionary(members.map { ($0.name, View($0.value)) }, uniquingKeysWith: { $1 }))
    }
  }

  /// The same object with further members, which win.
  func with(_ members: [String: View]) -> View {
    guard case .object(let own) = self else { return .object(members) }
    return .object(own.merging(members) { $1 })
  }

  /// As Mustache takes it.
  var rendered: Any {
    switch self {
    case .null: Nothing()
    case .flag(let flag): flag
    case .number(let number): Leaf(text: Wording.count(number), number: number)
    case .exact(let text): Leaf(text: text, number: nil)
    case .string(let text): Leaf(text: text, number: nil)
    case .list(let items): items.map(\.rendered)
    case .object(let members): Members(members: members)
    }
  }
}

/// An object: its members are looked up one by one.
private struct Members: MustacheParent {
  let members: [String: View]
  func child(named name: String) -> Any? { members[name]?.rendered }
}

/// Is there, and is nothing.
private struct Nothing: MustacheCustomRenderable {
  var renderText: String { "" }
  var isNull: Bool { true }
}

/// A text or number. An empty text is nothing for sections.
private struct Leaf: MustacheCustomRenderable, MustacheParent, MustacheTransformable {
  let text: String
  let number: Int64?

  /// It has no members; without this, templates would find the two above.
  func child(named name: String) -> Any? { nil }

  var renderText: String { text }
  var isNull: Bool { text.isEmpty }

  /// What a template may ask of it: `{{time(created_at)}}`.
  func transform(_ name: String) -> Any? {
    switch name {
    case "time": Leaf(text: Instant(rfc3339: text).map(Wording.time) ?? text, number: nil)
    case "day": Leaf(text: Instant(rfc3339: text).map(Wording.day) ?? text, number: nil)
    case "path", "query": Leaf(text: Query.encode(text), number: nil)
    case "plain": Leaf(text: number.map(String.init) ?? text, number: nil)
    case "short": Leaf(text: number.map(Wording.short) ?? text, number: nil)
    case "span": Leaf(text: number.map(Wording.span(milliseconds:)) ?? text, number: nil)
    case "brief": Leaf(text: Double(text).map(Wording.brief) ?? text, number: nil)
    case "words": Leaf(text: text.replacing("_", with: " "), number: nil)
    // Only what a browser may be sent to.
    case "link":
      text.hasPrefix("https://") || text.hasPrefix("http://") || text.hasPrefix("mailto:") ? self : nil
    case "positive": (number ?? 0) > 0
    default: nil
    }
  }
}
