import ArgumentParser
import Foundation
import TollgateServer

struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "Demo data.", subcommands: [Seed.self])

  struct Seed: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Makes a user on each plan, and prints a token for each, once.")

    @OptionGroup var common: CommonOptions
    @Flag(help: "Prints JSON.") var json = false

    func run() async throws {
      let users = try await common.withBackend { try await DemoData.seed($0) }
      if json {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        Terminal.print(String(decoding: try encoder.encode(["users": users]), as: UTF8.self))
      } else {
        for user in users { Terminal.print("\(user.user)  \(user.plan)  \(user.token)") }
      }
    }
  }
}
