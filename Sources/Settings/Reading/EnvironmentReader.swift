/// Lays `TOLLGATE_…` over what the file says.
enum EnvironmentReader {
  static func read(_ environment: [String: String], into values: inout SettingValues) {
    for name in environment.keys.sorted() where name.hasPrefix("TOLLGATE_") {
      guard !isKnown(name) else { continue }
      let known = Schema.environmentNames.keys.sorted() + ["TOLLGATE_CONFIG"]
      values.warnings.append("\(name) is set but unknown; " + Suggestion.among(known, for: name))
    }
    for key in Schema.keys {
      guard let name = key.environmentName else { continue }
      guard let (text, variable) = text(of: key, name, environment, &values) else { continue }
      read(text, variable: variable, key, &values)
    }
  }

  private static func isKnown(_ name: String) -> Bool {
    if Schema.environmentNames[name] != nil || Schema.otherEnvironmentNames.contains(name) { return true }
    return name.hasSuffix("_FILE") && Schema.environmentNames[String(name.dropLast(5))]?.isSecret == true
  }

  /// The variable's text and the name it came by; nil when there is none, or a mistake was noted.
  private static func text(
    of key: SettingKey, _ name: String, _ environment: [String: String], _ values: inout SettingValues
  ) -> (String, variable: String)? {
    let fileName = name + "_FILE"
    let path = key.isSecret ? environment[fileName] : nil
    switch (environment[name], path) {
    case (nil, nil):
      return nil
    case (.some, .some):
      values.mistake(variable: name, "and \(fileName) are both set; one of them is allowed")
      return nil
    case (.some(let text), nil):
      return (text, name)
    case (nil, .some(let path)):
      switch TextFile.read(path, bytesMax: Settings.fileBytesMax) {
      case .refused(let why):
        values.mistake(variable: fileName, "the file `\(ValueParser.shortened(path))` \(why)")
        return nil
      case .text(let text):
        return (withoutLineEnd(text), fileName)
      }
    }
  }

  private static func read(
    _ text: String, variable: String, _ key: SettingKey, _ values: inout SettingValues
  ) {
    guard !text.isEmpty else {
      values.mistake(
        variable: variable, "is set but empty; leave it out, or give: \(key.kind.allowed)")
      return
    }
    switch ValueParser.parse(text, as: key.kind) {
    case .success(let value):
      values.override(key.components, value, variable: variable)
    case .failure(let problem):
      values.mistake(
        variable: variable, problem.message(allowed: key.kind.allowed, isSecret: key.isSecret))
    }
  }

  /// Without the newline that editors and `echo` put at the end.
  private static func withoutLineEnd(_ text: String) -> String {
    var text = text
    while text.last?.isNewline == true { text.removeLast() }
    return text
  }
}
