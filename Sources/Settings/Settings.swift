internal import Foundation
package import Gate

/// Everything that is decided outside the program: the config file with the environment over it, read
/// once at start.
package struct Settings: Sendable, Equatable {
  /// Plans, features, prices, policies and links.
  package var catalog: Catalog
  /// Listeners, stores, limits and secrets of this process.
  package var server: ServerSettings
  /// The config file that was read.
  package var path: String
  /// What is allowed but probably not meant, one sentence each: an unknown `TOLLGATE_` variable, a plan
  /// without a token limit.
  package var warnings: [String]

  /// Where the config file is looked for, relative to the working directory, unless
  /// `TOLLGATE_CONFIG` or the caller names another.
  package static let pathDefault = "config/tollgate.yaml"
  /// Bytes that a config file, or a file with a secret, may have.
  static let fileBytesMax = 1_048_576

  /// Reads the config file and lays the environment over it.
  ///
  /// - Parameters:
  ///   - path: The config file; nil: `TOLLGATE_CONFIG`, else ``pathDefault``.
  ///   - environment: The process' environment.
  /// - Throws: ``SettingsError`` with every mistake of file and environment, not the first alone.
  package static func load(
    path: String? = nil, environment: [String: String]
  ) throws(SettingsError) -> Settings {
    let path = path ?? environment["TOLLGATE_CONFIG"] ?? pathDefault
    let text: String
    switch TextFile.read(path, bytesMax: fileBytesMax) {
    case .text(let read): text = read
    case .refused(let why):
      throw SettingsError([
        SettingsMistake(
          file: path, message: "the config file \(why). TOLLGATE_CONFIG or --config names another")
      ])
    }
    return try parse(yaml: text, file: path, environment: environment)
  }

  /// The same for a text at hand; `file` is the name that mistakes carry.
  package static func parse(
    yaml: String, file: String, environment: [String: String] = [:]
  ) throws(SettingsError) -> Settings {
    var values = SettingValues(file: file)
    ConfigFileReader.read(yaml: yaml, into: &values)
    EnvironmentReader.read(environment, into: &values)
    values.requireWhatIsMissing()
    let catalog = CatalogBuilder.build(&values)
    CatalogChecks.check(catalog, &values)
    let server = ServerBuilder.build(&values)
    guard values.mistakes.isEmpty else { throw SettingsError(values.mistakes) }
    return Settings(catalog: catalog, server: server, path: file, warnings: values.warnings)
  }
}
