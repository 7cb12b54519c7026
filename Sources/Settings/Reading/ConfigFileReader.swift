internal import Yams

/// Walks the YAML tree along the schema: every value is checked where it stands, every unknown key is
/// a mistake.
enum ConfigFileReader {

  static func read(yaml: String, into values: inout SettingValues) {
    // Yams keeps a pointer into the text; a short one would be inside the String itself and move.
    let padded = yaml + String(repeating: "\n", count: 64)
    let root: Node
    do {
      guard let node = try Yams.compose(yaml: padded) else {
        values.mistake(wholeFileAt: 1, "the file is empty; at least `plans` and `features` are needed")
        return
      }
      root = node
    } catch let error as YamlError {
      note(error, &values)
      return
    } catch {
      values.mistake(wholeFileAt: nil, "is no YAML")
      return
    }
    guard case .mapping(let mapping) = root else {
      values.mistake(wholeFileAt: root.mark?.line ?? 1, "must be a mapping of keys to values")
      return
    }
    section(mapping, path: [], pattern: "", &values)
  }

  private static func section(
    _ mapping: Node.Mapping, path: SettingValues.Path, pattern: String, _ values: inout SettingValues
  ) {
    let known = Schema.children(of: pattern)
    for (keyNode, node) in mapping {
      let line = keyNode.mark?.line ?? node.mark?.line
      guard let name = keyNode.scalar?.string else {
        values.mistake(path, line: line, "has a key that is no text")
        continue
      }
      let child = path + [name]
      guard known.contains(name),
        let key = Schema.byPath[pattern.isEmpty ? name : "\(pattern).\(name)"]
      else {
        values.mistake(
          child, line: line, "unknown key; " + Suggestion.among(known, for: name))
        continue
      }
      if let line { values.note(child, line: line) }
      self.node(node, key: key, path: child, &values)
    }
  }

  private static func node(
    _ node: Node, key: SettingKey, path: SettingValues.Path, _ values: inout SettingValues
  ) {
    guard key.isInFile else {
      let name = key.environmentName(at: path) ?? ""
      values.mistake(
        path, "is a secret and does not belong in this file; set \(name) or \(name)_FILE instead")
      return
    }
    if ValueParser.isNull(node) {
      if key.isNullable {
        values.set(path, .null)
      } else {
        values.mistake(path, "must not be null; allowed: \(key.kind.allowed)")
      }
      return
    }
    switch key.kind {
    case .section:
      guard case .mapping(let mapping) = node else {
        values.mistake(path, "must be a mapping with any of: " + list(Schema.children(of: key.path)))
        return
      }
      section(mapping, path: path, pattern: key.path, &values)
    case .named(let rule, let count):
      guard case .mapping(let mapping) = node else {
        values.mistake(path, "must be a \(key.kind.allowed)")
        return
      }
      if !count.contains(mapping.count) {
        values.mistake(
          path, "has \(mapping.count) names; allowed: \(count.lowerBound) to \(count.upperBound)")
      }
      named(mapping, rule: rule, path: path, pattern: key.path, &values)
    default:
      switch ValueParser.parse(node, as: key.kind) {
      case .success(let value): values.set(path, value)
      case .failure(let problem):
        values.mistake(path, problem.message(allowed: key.kind.allowed, isSecret: key.isSecret))
      }
    }
  }

  private static func named(
    _ mapping: Node.Mapping, rule: TextRule, path: SettingValues.Path, pattern: String,
    _ values: inout SettingValues
  ) {
    for (keyNode, node) in mapping {
      let line = keyNode.mark?.line ?? node.mark?.line
      guard let name = keyNode.scalar?.string, rule.accepts(name) else {
        let shown = keyNode.scalar.map { "`\(ValueParser.shortened($0.string))`" } ?? "this key"
        values.mistake(path, line: line, "\(shown) is no name; allowed: \(rule.allowed)")
        continue
      }
      let child = path + [name]
      if let line { values.note(child, line: line) }
      values.addName(name, to: path)
      // `chat:` alone is the name with all defaults.
      if ValueParser.isNull(node) { continue }
      guard case .mapping(let fields) = node else {
        values.mistake(
          child, "must be a mapping with any of: " + list(Schema.children(of: "\(pattern).*")))
        continue
      }
      section(fields, path: child, pattern: "\(pattern).*", &values)
    }
  }

  private static func note(_ error: YamlError, _ values: inout SettingValues) {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      values.mistake(wholeFileAt: mark.line, "is no YAML: \(problem) (column \(mark.column))")
    case .duplicatedKeysInMapping(let duplicates, let context):
      for duplicate in duplicates {
        values.mistake(
          wholeFileAt: context.mark.line,
          "the mapping that begins here has the key `\(ValueParser.shortened(duplicate))` more than once; "
            + "each key may stand once")
      }
    case .reader(let problem, _, _, _):
      values.mistake(wholeFileAt: nil, "is no YAML: \(problem)")
    default:
      values.mistake(wholeFileAt: nil, "is no YAML")
    }
  }

  static func list(_ names: [String]) -> String { names.map { "`\($0)`" }.joined(separator: ", ") }
}

/// What was probably meant by an unknown name, else all that is known.
enum Suggestion {
  static func among(_ known: [String], for name: String) -> String {
    let allowed = "allowed: " + ConfigFileReader.list(known)
    let near = known.filter { distance(name, $0) <= max(1, min(name.utf8.count, $0.utf8.count) / 3) }
      .min { distance(name, $0) < distance(name, $1) }
    return near.map { "did you mean `\($0)`? " + allowed } ?? allowed
  }

  /// Levenshtein's distance; long names are not worth it.
  static func distance(_ left: String, _ right: String) -> Int {
    let left = Array(left.utf8)
    let right = Array(right.utf8)
    guard left.count <= 64, right.count <= 64 else { return .max }
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, b) in right.enumerated() {
        let above = row[j + 1]
        row[j + 1] = min(above + 1, row[j] + 1, diagonal + (a == b ? 0 : 1))
        diagonal = above
      }
    }
    return row[right.count]
  }
}
