/// One key of the settings: where it stands, what it may be, what it is when left out, what it is for.
struct SettingKey: Sendable {
  enum Fallback: Sendable, Equatable {
    case value(SettingValue)
    /// No value, and what that means. `null` may be written too.
    case absent(String)
    case required
  }
  enum Source: Sendable, Equatable {
    case file
    case fileOrEnvironment(String)
    /// A secret that has no business in a file that is checked in.
    case environment(String)
    /// The same, one variable per name: this, and the name in capitals.
    case environmentByName(String)
  }

  /// Dotted, with `*` for a name: `plans.*.rank`.
  var path: String
  var kind: SettingKind
  var fallback: Fallback
  var source: Source
  /// Its value is never shown, and `NAME_FILE` reads it from a file.
  var isSecret: Bool
  /// What it is for: one sentence.
  var about: String

  init(
    _ path: String, _ kind: SettingKind, _ fallback: Fallback, source: Source = .file,
    isSecret: Bool = false, _ about: String
  ) {
    self.path = path
    self.kind = kind
    self.fallback = fallback
    self.source = source
    self.isSecret = isSecret
    self.about = about
  }

  var components: [String] { path.split(separator: ".").map(String.init) }

  var environmentName: String? {
    switch source {
    case .file, .environmentByName: nil
    case .fileOrEnvironment(let name), .environment(let name): name
    }
  }

  /// The variable of a path, whose `*` is a name now.
  func environmentName(at path: [String]) -> String? {
    guard case .environmentByName(let prefix) = source else { return environmentName }
    return zip(components, path).first { $0.0 == "*" }.map { prefix + $0.1.uppercased() }
  }

  var isInFile: Bool {
    switch source {
    case .file, .fileOrEnvironment: true
    case .environment, .environmentByName: false
    }
  }

  var isNullable: Bool {
    if case .absent = fallback { return true }
    return false
  }

  /// What it is when left out, for people.
  var fallbackWords: String {
    switch fallback {
    case .value(let value): value.words
    case .absent(let meaning): "none: \(meaning)"
    case .required: "required"
    }
  }

  /// Kind and default in one line: the comment that `config/tollgate.yaml` has at each key.
  var reference: String { "\(path): \(kind.allowed); default: \(fallbackWords)." }
}

/// A value of the settings, read from file or environment.
enum SettingValue: Sendable, Equatable {
  /// Written as `null`.
  case null
  case integer(Int64)
  case integers([Int64])
  case boolean(Bool)
  case text(String)
  case texts([String])

  /// For people.
  var words: String {
    switch self {
    case .null: "null"
    case .integer(let number): SettingKind.grouped(number)
    case .integers(let numbers): "[\(numbers.map(String.init).joined(separator: ", "))]"
    case .boolean(let flag): flag ? "true" : "false"
    case .text(let text): text
    case .texts(let texts): texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ", "))]"
    }
  }
}
