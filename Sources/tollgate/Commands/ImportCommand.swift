import ArgumentParser
import Foundation
import Gate
import TollgateServer

struct ImportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Takes over users, tokens and what is left of budgets from another system.",
    discussion: """
      It may be stopped and run again: what was done is not done twice. What is left of a user is taken over once per \
      --name, whatever the user has spent since. docs/OPERATIONS.md has an example.
      """,
    subcommands: [CSV.self, Redis.self])

  struct Options: ParsableArguments {
    @Option(
      help: "What this import is called; another name sets budgets anew.", transform: ArgumentText.importName)
    var name = "import"
    @Flag(help: "Changes nothing; says what would be done, and what is wrong.") var dryRun = false
    @Flag(help: "Imports what is good although something else is not.") var skipBad = false

    var options: ImportOptions { ImportOptions(name: name, isTrial: dryRun, skipsBad: skipBad) }
  }

  struct CSV: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "From a file, whose first line names the columns.",
      discussion: """
        user (which every line needs), email, plan, tenant, stripe_customer_id, token_hash (SHA-256 of the whole \
        token, hexadecimal), token_label, token_expires_at, remaining (tokens left in all). What is empty stays as \
        it is. A user with several tokens has several lines.
        """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var how: Options
    @Argument(help: "The file.", completion: .file(extensions: ["csv"])) var file: String

    func run() async throws {
      try await output.showLongWork { progress in
        try await common.administer { try await $0.importCSV(file, how.options, progress: progress) }
      }
    }
  }

  struct Redis: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "What is left, from keys such as chatbot-usage:<user>.",
      discussion: """
        Without --url it reads the gates' own Redis, and leaves out the keys of users that the gates know already: \
        those are kept by Tollgate itself. So run it before the gates are asked about the users.
        """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var how: Options
    @Option(help: "The other system's Redis, redis://…; default: the gates' own.") var url: String?
    @Option(help: "What the keys begin with.", transform: ArgumentText.keyPrefix)
    var prefix = "chatbot-usage:"

    func run() async throws {
      try await output.showLongWork { progress in
        try await common.administer {
          try await $0.importRedis(url, prefix: prefix, how.options, progress: progress)
        }
      }
    }
  }
}
