import ArgumentParser
import Gate
import TollgateServer

struct TokenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "Issues, lists, revokes and rotates extension tokens.",
    subcommands: [Issue.self, List.self, Revoke.self, Rotate.self])

  struct Issue: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Issues a token, and prints it alone on a line, once.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @Option(help: "Whose it is.", transform: ArgumentText.identifier) var user: String
    @Option(help: "What it is for.", transform: ArgumentText.label) var label: String?
    @Option(help: "When it expires: RFC 3339, or a span such as 30d.", transform: ArgumentText.expiry)
    var expires: Instant?

    func run() async throws {
      try output.show(
        try await common.administer { try await $0.issueToken(user: user, label: label, expiresAt: expires) })
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists a user's tokens, newest first.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var page: PageOptions
    @Option(help: "Whose they are.", transform: ArgumentText.identifier) var user: String

    func run() async throws {
      try output.show(
        try await common.administer(redis: false) { try await $0.tokens(user: user, page.request) })
    }
  }

  struct Revoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Revokes a token; the very next check with it is refused, on every gate.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "The token's id, tok_….", transform: ArgumentText.identifier) var id: String

    func run() async throws {
      try output.show(try await common.administer { try await $0.revokeToken(id) })
    }
  }

  struct Rotate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Issues a successor, and prints it alone on a line, once.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "The old token's id, tok_….", transform: ArgumentText.identifier) var id: String
    @Option(
      help: "How long the old token lives on: 0, 15m, 1h, 7d; default: 1h.",
      transform: ArgumentText.overlap)
    var overlap: Int64 = 3600

    func run() async throws {
      try output.show(
        try await common.administer { try await $0.rotateToken(id, overlapSeconds: overlap) })
    }
  }
}
