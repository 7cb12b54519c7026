extension Schema {
  /// What `config/tollgate.yaml` has as a comment at each key that may stand in it.
  package static var fileReferences: [(path: String, reference: String)] {
    keys.filter(\.isInFile).map { ($0.path, $0.reference) }
  }

  /// The tables of `docs/CONFIG.md`, so that the page can't fall behind the parser.
  package static var markdown: String {
    var lines = ["| key | allowed | default | |", "|---|---|---|---|"]
    for key in keys where key.isInFile {
      let variable = key.environmentName.map { " (`\($0)`)" } ?? ""
      lines.append(
        "| `\(key.path)`\(variable) | \(key.kind.allowed) | \(key.fallbackWords) | \(key.about) |")
    }
    lines += ["", "| variable | allowed | default | |", "|---|---|---|---|"]
    lines.append(
      "| `TOLLGATE_CONFIG` | path | \(Settings.pathDefault) | The config file. |")
    for key in keys {
      guard let name = key.environmentName(at: key.components) else { continue }
      let file = key.isSecret ? ", `\(name)_FILE`" : ""
      lines.append("| `\(name)`\(file) | \(key.kind.allowed) | \(key.fallbackWords) | \(key.about) |")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
