import ArgumentParser
import Gate
import Settings

struct ConfigCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Looks at the settings.", subcommands: [Check.self])

  struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Names the line and key of every mistake in the config file and the environment.")

    @OptionGroup var common: CommonOptions

    func run() async throws {
      let settings = try common.settings()
      for warning in settings.warnings { Terminal.error("warning: \(warning)") }
      let targets = settings.server.events.targets
      let told = targets.isEmpty ? "none" : targets.map(\.name).joined(separator: ", ")
      Terminal.print(
        "\(settings.path) is good: \(settings.catalog.plans.count) plans; told of events: \(told).")
    }
  }
}
