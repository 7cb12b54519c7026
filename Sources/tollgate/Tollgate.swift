import ArgumentParser
import Foundation
import TollgateServer

/// The command line: a thin layer over the same services as the API.
@main
struct Tollgate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tollgate", abstract: "A token-budget and rate gate for AI features.",
    subcommands: [
      ServeCommand.self, MigrateCommand.self, DoctorCommand.self, ConfigCommand.self, UserCommand.self,
      TokenCommand.self, BudgetCommand.self, LimitsCommand.self, KeysCommand.self, StripeCommand.self,
      WebhookCommand.self, EventsCommand.self, ReconcileCommand.self, ImportCommand.self, DemoCommand.self,
      HealthcheckCommand.self, CompletionsCommand.self,
    ])

  /// Runs what was asked for, and ends with the contract's status: 0 done, 1 refused or failed, 2 wrong usage.
  static func main() async {
    do {
      var command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      Foundation.exit(report(error))
    }
  }

  /// Prints what ended a command, and gives its status.
  private static func report(_ error: any Error) -> Int32 {
    let status = CommandEnd.status(ofParser: exitCode(for: error).rawValue)
    switch status {
    // `--help` and the like: what was asked for.
    case CommandEnd.done: Terminal.print(fullMessage(for: error))
    case CommandEnd.wrongUsage: Terminal.error(CommandEnd.line(message(for: error)))
    // A command that has said all it had to say.
    case _ where error is ExitCode: break
    default: Terminal.error(CommandEnd.line(error))
    }
    return status
  }
}
