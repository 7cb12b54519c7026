import ArgumentParser
import TollgateServer

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Serves the gate and the admin listener until SIGTERM or Ctrl-C.")

  @OptionGroup var common: CommonOptions

  func run() async throws {
    let settings = try common.settings()
    try await Server(settings: settings, logger: common.logger(settings)).run()
  }
}
