import ArgumentParser
import Gate
import TollgateServer

struct KeysCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys", abstract: "Makes, lists and revokes service and admin keys.",
    subcommands: [Create.self, List.self, Revoke.self])

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Makes a key, and prints it alone on a line, once.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @Option(help: "For a backend (service) or for people (admin).") var kind: APIKey.Kind
    @Option(help: "Of an admin key: viewer reads, operator also writes.") var role: APIKey.Role?
    @Option(help: "What it is for.", transform: ArgumentText.label) var label: String?

    func validate() throws {
      if kind == .admin, role == nil { throw ValidationError("An admin key needs --role.") }
      if kind == .service, role != nil { throw ValidationError("--role is for admin keys alone.") }
    }

    func run() async throws {
      try output.show(
        try await common.administer(redis: false) {
          try await $0.createKey(kind, role: role, label: label ?? "")
        })
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists the keys, newest first.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var page: PageOptions

    func run() async throws {
      try output.show(try await common.administer(redis: false) { try await $0.keys(page.request) })
    }
  }

  struct Revoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Revokes a key.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "The key's id, key_….", transform: ArgumentText.identifier) var id: String

    func run() async throws {
      try output.show(try await common.administer(redis: false) { try await $0.revokeKey(id) })
    }
  }
}

extension APIKey.Kind: ExpressibleByArgument {}
extension APIKey.Role: ExpressibleByArgument {}
