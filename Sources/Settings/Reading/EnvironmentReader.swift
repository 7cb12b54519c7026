/// Lays `TOLLGATE_…` over what the file says.
enum EnvironmentReader {
  static func read(_ environment: [String: String], into values: inout SettingValues) {
    let settings = Schema.keys.flatMap { key in
      (key.environmentName(at: key.components) == nil ? [] : values.concretePaths(of: key.components))
        .compactMap { path in key.environmentName(at: path).map { Variable(name: $0, key: key, path: path) } }
    }
    warn(environment, settings, &values)
    for setting in settings {
      guard let (text, variable) = text(of: setting, environment, &values) else { continue }
      read(text, variable: variable, setting, &values)
    }
  }

  /// A key that the environment may give, and by which name.
  private struct Variable {
    var name: String
    var key: SettingKey
    var path: SettingValues.Path
  }

  private static func warn(
    _ environment: [String: String], _ settings: [Variable], _ values: inout SettingValues
  ) {
    var known = Set(settings.map(\.name))
    let suggested = known.sorted() + ["TOLLGATE_CONFIG"]
    known.formUnion(settings.filter(\.key.isSecret).map { $0.name + "_FILE" })
    known.formUnion(Schema.otherEnvironmentNames)
    for name in environment.keys.sorted() where name.hasPrefix("TOLLGATE_") && !known.contains(name) {
      values.warnings.append("\(name) is set but unknown; " + Suggestion.among(suggested, for: name))
    }
  }

  /// The variable's text and the name it came by; nil when there is none, or a mistake was noted.
  private static func text(
    of setting: Variable, _ environment: [String: String], _ values: inout SettingValues
  ) -> (String, variable: String)? {
    let name = setting.name
    let fileName = name + "_FILE"
    let path = setting.key.isSecret ? environment[fileName] : nil
    switch (environment[name], path) {
    case (nil, nil):
      return nil
    case (.some, .some):
      values.mistake(
        variable: name, at: setting.path, "and \(fileName) are both set; one of them is allowed")
      return nil
    case (.some(let text), nil):
      return (text, name)
    case (nil, .some(let path)):
      switch TextFile.read(path, bytesMax: Settings.fileBytesMax) {
      case .refused(let why):
        values.mistake(
          variable: fileName, at: setting.path, "the file `\(ValueParser.shortened(path))` \(why)")
        return nil
      case .text(let text):
        return (withoutLineEnd(text), fileName)
      }
    }
  }

  private static func read(
    _ text: String, variable: String, _ setting: Variable, _ values: inout SettingValues
  ) {
    let key = setting.key
    guard !text.isEmpty else {
      values.mistake(
        variable: variable, at: setting.path,
        "is set but empty; leave it out, or give: \(key.kind.allowed)")
      return
    }
    switch ValueParser.parse(text, as: key.kind) {
    case .success(let value):
      values.override(setting.path, value, variable: variable)
    case .failure(let problem):
      values.mistake(
        variable: variable, at: setting.path,
        problem.message(allowed: key.kind.allowed, isSecret: key.isSecret))
    }
  }

  /// Without the newline that editors and `echo` put at the end.
  private static func withoutLineEnd(_ text: String) -> String {
    var text = text
    while text.last?.isNewline == true { text.removeLast() }
    return text
  }
}
