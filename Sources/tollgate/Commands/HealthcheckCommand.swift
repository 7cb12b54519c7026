import ArgumentParser
import TollgateServer

struct HealthcheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "healthcheck", abstract: "Asks the gate's own /livez; for containers.")

  @OptionGroup var common: CommonOptions

  func run() async throws {
    let settings = try common.settings()
    guard await LivenessClient.isAlive(settings) else { throw CommandFailure("the gate doesn't answer") }
  }
}
