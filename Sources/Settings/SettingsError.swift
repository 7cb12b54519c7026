/// Why the settings can't be used: every mistake there is, so that one look mends them all.
package struct SettingsError: Error, Sendable, Equatable, CustomStringConvertible {
  /// By line, then in the order found; never empty.
  package var mistakes: [SettingsMistake]

  init(_ mistakes: [SettingsMistake]) {
    self.mistakes = mistakes.enumerated()
      .sorted { ($0.element.line ?? .max, $0.offset) < ($1.element.line ?? .max, $1.offset) }
      .map(\.element)
  }

  /// One line per mistake.
  package var description: String { mistakes.map(\.description).joined(separator: "\n") }
}

/// One mistake: where it stands, at which key, and what is allowed there. Never holds a secret.
package struct SettingsMistake: Sendable, Hashable, CustomStringConvertible {
  /// The config file, or `environment`.
  package var file: String
  /// From 1; nil for the environment and for a file as a whole.
  package var line: Int?
  /// Dotted path, as `plans.free.rank`, or the variable's name; nil for a file as a whole.
  package var key: String?
  /// What is wrong, and what is allowed.
  package var message: String

  /// A key of nil, and a line of nil, leave their part of ``description`` out.
  package init(file: String, line: Int? = nil, key: String? = nil, message: String) {
    self.file = file
    self.line = line
    self.key = key
    self.message = message
  }

  /// `config/tollgate.yaml:12: plans.free.rank: …`, the form that editors jump to.
  package var description: String {
    var text = file
    if let line { text += ":\(line)" }
    if let key { text += ": \(key)" }
    return text + ": " + message
  }
}
