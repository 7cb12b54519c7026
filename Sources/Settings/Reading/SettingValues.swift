/// What file and environment say, with the mistakes found so far. Reading goes on after a mistake, so
/// that all of them come out at once.
struct SettingValues {
  /// A concrete path, as `["plans", "free", "rank"]`: names may hold dots themselves.
  typealias Path = [String]

  let file: String
  private(set) var mistakes: [SettingsMistake] = []
  var warnings: [String] = []
  private var values: [Path: SettingValue] = [:]
  private var lines: [Path: Int] = [:]
  private var variables: [Path: String] = [:]
  private var namesByPath: [Path: [String]] = [:]
  private var mistaken: Set<Path> = []

  init(file: String) { self.file = file }

  // MARK: Written while reading

  mutating func note(_ path: Path, line: Int) { lines[path] = line }
  mutating func set(_ path: Path, _ value: SettingValue) { values[path] = value }
  /// The environment wins over the file.
  mutating func override(_ path: Path, _ value: SettingValue, variable: String) {
    values[path] = value
    variables[path] = variable
  }
  mutating func addName(_ name: String, to path: Path) { namesByPath[path, default: []].append(name) }

  mutating func mistake(_ path: Path, line: Int? = nil, _ message: String) {
    mistaken.insert(path)
    if let variable = variables[path] {
      mistake(variable: variable, message)
    } else {
      mistakes.append(
        SettingsMistake(
          file: file, line: line ?? self.line(of: path), key: path.joined(separator: "."), message: message))
    }
  }

  /// With the path of the key that the variable is of, where it is known.
  mutating func mistake(variable: String, at path: Path? = nil, _ message: String) {
    if let path { mistaken.insert(path) }
    mistakes.append(SettingsMistake(file: "environment", key: variable, message: message))
  }

  mutating func mistake(wholeFileAt line: Int?, _ message: String) {
    mistakes.append(SettingsMistake(file: file, line: line, message: message))
  }

  /// The line of a path, else of the nearest section around it.
  func line(of path: Path) -> Int? {
    var path = path
    while !path.isEmpty {
      if let line = lines[path] { return line }
      path.removeLast()
    }
    return nil
  }

  /// Adds a mistake for each required key that is neither there nor wrong, in every section there is.
  mutating func requireWhatIsMissing() {
    for key in Schema.keys where key.fallback == .required {
      for path in concretePaths(of: key.components) {
        let parent = Path(path.dropLast())
        guard parent.isEmpty || lines[parent] != nil, !mistaken.contains(parent) else { continue }
        guard values[path] == nil, lines[path] == nil, !mistaken.contains(path) else { continue }
        let variable = key.isInFile ? nil : key.environmentName(at: path)
        let remedy = variable.map { "; set \($0) or \($0)_FILE" } ?? ""
        mistake(path, "is missing\(remedy); allowed: \(key.kind.allowed)")
      }
    }
  }

  /// The paths that a pattern has with the names that there are.
  func concretePaths(of pattern: [String]) -> [Path] {
    var paths: [Path] = [[]]
    for component in pattern {
      paths = paths.flatMap { path in
        component == "*" ? names(path).map { path + [$0] } : [path + [component]]
      }
    }
    return paths
  }

  // MARK: Read while building

  /// The names below a named section, in the file's order.
  func names(_ path: Path) -> [String] { namesByPath[path] ?? [] }

  /// Whether a section or key stands in the file, with something in it.
  func has(_ path: Path) -> Bool { lines[path] != nil && values[path] != .null }

  /// Whether a value was given, `null` included, by file or environment.
  func isGiven(_ path: Path) -> Bool { values[path] != nil || mistaken.contains(path) }

  func integer(_ pattern: String, _ names: String...) -> Int64? { integer(pattern, names) }

  func integer(_ pattern: String, _ names: [String]) -> Int64? {
    guard case .integer(let number) = value(pattern, names) else { return nil }
    return number
  }

  func integers(_ pattern: String, _ names: String...) -> [Int64] {
    guard case .integers(let numbers) = value(pattern, names) else { return [] }
    return numbers
  }

  func boolean(_ pattern: String, _ names: String...) -> Bool {
    value(pattern, names) == .boolean(true)
  }

  func text(_ pattern: String, _ names: String...) -> String? {
    guard case .text(let text) = value(pattern, names) else { return nil }
    return text
  }

  func texts(_ pattern: String, _ names: String...) -> [String] { texts(pattern, names) }

  func texts(_ pattern: String, _ names: [String]) -> [String] {
    guard case .texts(let texts) = value(pattern, names) else { return [] }
    return texts
  }

  /// One of an enum's words; the schema has refused all others and has a default.
  func word<Word: RawRepresentable<String>>(_ pattern: String, _ names: String..., else fallback: Word)
    -> Word
  {
    guard case .text(let text) = value(pattern, names) else { return fallback }
    return Word(rawValue: text) ?? fallback
  }

  /// `plans.*.rank` and `free` → `plans.free.rank`.
  static func path(_ pattern: String, _ names: [String]) -> Path {
    var names = names[...]
    return pattern.split(separator: ".").map { $0 == "*" ? names.removeFirst() : String($0) }
  }

  private func value(_ pattern: String, _ names: [String]) -> SettingValue? {
    guard let key = Schema.byPath[pattern] else { preconditionFailure("no such setting: \(pattern)") }
    if let value = values[SettingValues.path(pattern, names)] { return value }
    guard case .value(let fallback) = key.fallback else { return nil }
    return fallback
  }
}
