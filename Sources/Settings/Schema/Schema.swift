/// Every key there is. It drives the parser, the messages, and the tests that hold
/// `config/tollgate.yaml` and `docs/CONFIG.md` to it.
package enum Schema {
  static let keys: [SettingKey] = catalogKeys + planKeys + serverKeys + eventKeys

  static let byPath: [String: SettingKey] = Dictionary(
    keys.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })

  /// The keys right below a path (`""`: the top), in the order of the table.
  static func children(of path: String) -> [String] { childrenByPath[path] ?? [] }

  private static let childrenByPath: [String: [String]] = {
    var children: [String: [String]] = [:]
    for key in keys {
      var components = key.components
      let last = components.removeLast()
      guard last != "*" else { continue }
      children[components.joined(separator: "."), default: []].append(last)
    }
    return children
  }()

  /// Variables that are no setting: where the file is, and what the scripts and tests use.
  static let otherEnvironmentNames: Set<String> = ["TOLLGATE_CONFIG", "TOLLGATE_BIN", "TOLLGATE_TEST"]
}
