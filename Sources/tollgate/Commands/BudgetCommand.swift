import ArgumentParser
import Gate
import TollgateServer

struct BudgetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "budget", abstract: "Shows, adds to and resets budgets.",
    subcommands: [Show.self, Grant.self, Reset.self])

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Shows what is left, from the live counters.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var whose: AccountOptions

    func run() async throws {
      try output.show(try await common.administer { try await $0.budget(of: whose.account) })
    }
  }

  struct Grant: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Gives tokens beside the plan's budget.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var whose: AccountOptions
    @Option(help: "How many.", transform: ArgumentText.tokens) var tokens: Int64
    @Option(help: "When they lapse: RFC 3339, or a span such as 30d.", transform: ArgumentText.expiry)
    var expires: Instant?
    @Option(help: "Why; the audit log keeps it.", transform: ArgumentText.reason) var reason: String?
    @Option(help: "The same key never grants twice.", transform: ArgumentText.idempotencyKey)
    var idempotencyKey: String?

    func run() async throws {
      try output.show(
        try await common.administer {
          try await $0.grant(
            tokens, to: whose.account, expiresAt: expires, reason: reason, idempotencyKey: idempotencyKey)
        })
    }
  }

  struct Reset: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Gives the plan's budget anew, for what remains of the current period.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var whose: AccountOptions
    @Option(help: "Why; the audit log keeps it.", transform: ArgumentText.reason) var reason: String?

    func run() async throws {
      try output.show(try await common.administer { try await $0.reset(whose.account, reason: reason) })
    }
  }
}
