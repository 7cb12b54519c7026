internal import Yams

/// Turns one YAML node, or the text of one variable, into a value of the kind that its key has.
enum ValueParser {
  enum Problem: Error {
    /// Not what is allowed; with what was there, shortened.
    case notAllowed(String)
    case notAscending
    case repeated(String)

    func message(allowed: String, isSecret: Bool) -> String {
      switch self {
      case .notAllowed(let found):
        isSecret ? "is not allowed; allowed: \(allowed)" : "\(found) is not allowed; allowed: \(allowed)"
      case .notAscending: "must be ascending, without repetition; allowed: \(allowed)"
      case .repeated(let what):
        isSecret ? "names the same twice" : "names `\(what)` twice; each may stand once"
      }
    }
  }

  /// `null`, `~` or nothing, unquoted.
  static func isNull(_ node: Node) -> Bool {
    guard case .scalar(let scalar) = node, scalar.style == .plain || scalar.style == .any else {
      return false
    }
    return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
  }

  static func parse(_ node: Node, as kind: SettingKind) -> Result<SettingValue, Problem> {
    switch (kind, node) {
    case (.texts(let rule, let count), .sequence(let sequence)):
      var texts: [String] = []
      for item in sequence {
        guard case .scalar(let scalar) = item, !isNull(item) else { return .failure(.notAllowed("an item")) }
        texts.append(scalar.string)
      }
      return self.texts(texts, rule, count)
    case (.integers(let range, let count), .sequence(let sequence)):
      var numbers: [Int64] = []
      for item in sequence {
        guard case .scalar(let scalar) = item, isPlain(scalar), let number = integer(scalar.string) else {
          return .failure(.notAllowed("an item"))
        }
        numbers.append(number)
      }
      return integers(numbers, range, count)
    case (.integers, .scalar(let scalar)):
      return .failure(.notAllowed(shown(scalar.string)))
    case (.integer, .scalar(let scalar)) where !isPlain(scalar),
      (.boolean, .scalar(let scalar)) where !isPlain(scalar),
      (.integerOrWord, .scalar(let scalar)) where !isPlain(scalar) && integer(scalar.string) != nil:
      return .failure(.notAllowed("the quoted text \(shown(scalar.string))"))
    case (_, .scalar(let scalar)):
      return parse(scalar.string, as: kind)
    case (_, .mapping):
      return .failure(.notAllowed("a mapping"))
    default:
      return .failure(.notAllowed("a list"))
    }
  }

  /// The same for a text: a variable's, or a plain scalar's. Lists are separated by commas.
  static func parse(_ text: String, as kind: SettingKind) -> Result<SettingValue, Problem> {
    switch kind {
    case .integer(let range):
      guard let number = integer(text), range.contains(number) else { break }
      return .success(.integer(number))
    case .integerOrWord(let range, let word):
      if text == word { return .success(.text(word)) }
      guard let number = integer(text), range.contains(number) else { break }
      return .success(.integer(number))
    case .integers(let range, let count):
      let numbers = split(text).map(integer)
      guard !numbers.contains(nil) else { break }
      return integers(numbers.compactMap { $0 }, range, count)
    case .boolean:
      guard text == "true" || text == "false" else { break }
      return .success(.boolean(text == "true"))
    case .choice(let words):
      guard words.contains(text) else { break }
      return .success(.text(text))
    case .text(let rule):
      guard rule.accepts(text) else { break }
      return .success(.text(text))
    case .texts(let rule, let count):
      return texts(split(text), rule, count)
    case .section, .named:
      break
    }
    return .failure(.notAllowed(shown(text)))
  }

  private static func texts(
    _ texts: [String], _ rule: TextRule, _ count: ClosedRange<Int>
  ) -> Result<SettingValue, Problem> {
    guard count.contains(texts.count) else { return .failure(.notAllowed("a list of \(texts.count)")) }
    var seen: Set<String> = []
    for text in texts {
      guard rule.accepts(text) else { return .failure(.notAllowed(shown(text))) }
      guard seen.insert(text).inserted else { return .failure(.repeated(shortened(text))) }
    }
    return .success(.texts(texts))
  }

  private static func integers(
    _ numbers: [Int64], _ range: ClosedRange<Int64>, _ count: ClosedRange<Int>
  ) -> Result<SettingValue, Problem> {
    guard count.contains(numbers.count) else { return .failure(.notAllowed("a list of \(numbers.count)")) }
    if let number = numbers.first(where: { !range.contains($0) }) {
      return .failure(.notAllowed("\(number)"))
    }
    guard zip(numbers, numbers.dropFirst()).allSatisfy({ $0 < $1 }) else { return .failure(.notAscending) }
    return .success(.integers(numbers))
  }

  /// Decimal digits, which underscores may group: `1_000_000`. No octal, hex or sexagesimal, which
  /// YAML 1.1 would read from `010` or `1:30`.
  static func integer(_ text: String) -> Int64? {
    let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
    guard let first = digits.utf8.first, (48...57).contains(first), digits == "0" || first != 48,
      !digits.hasSuffix("_"), digits.utf8.allSatisfy({ (48...57).contains($0) || $0 == 95 })
    else { return nil }
    return Int64(text.filter { $0 != "_" })
  }

  /// At most 60 characters of what was found, so that a message stays one line.
  static func shortened(_ text: String) -> String {
    let line = String(text.prefix(61).map { $0.isNewline ? " " : $0 })
    return line.count > 60 ? line.prefix(60) + "…" : line
  }

  private static func shown(_ text: String) -> String { "`\(shortened(text))`" }

  private static func isPlain(_ scalar: Node.Scalar) -> Bool {
    scalar.style == .plain || scalar.style == .any
  }

  private static func split(_ text: String) -> [String] {
    text.split(separator: ",", omittingEmptySubsequences: false).map { trimmed($0) }
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text
    while text.first == " " { text.removeFirst() }
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
