import ArgumentParser
import Gate
import TollgateServer

struct EventsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events", abstract: "Lists and replays what targets are told, and tries a target out.",
    subcommands: [List.self, Show.self, Replay.self, Test.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists events, newest first.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var page: PageOptions
    @Option(help: "Such as budget.threshold_reached.", transform: ArgumentText.identifier)
    var type: String?
    @Option(help: "pending, delivered, failed or unsent.") var status: EventRecord.Status?
    @Option(help: "user:ID or tenant:ID.", transform: ArgumentText.account) var account: AccountID?

    func run() async throws {
      let filter = EventFilter(type: type, status: status, account: account)
      try output.show(try await common.administer(redis: false) { try await $0.events(filter, page.request) })
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Shows an event with its deliveries.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "The event's id, evt_….", transform: ArgumentText.identifier) var id: String

    func run() async throws {
      try output.show(try await common.administer(redis: false) { try await $0.event(id) })
    }
  }

  struct Replay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Has the running gates send an event again, also to a target that has it.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "The event's id, evt_….", transform: ArgumentText.identifier) var id: String
    @Option(help: "One target alone; default: all that take its type.", transform: ArgumentText.identifier)
    var target: String?

    func run() async throws {
      try output.show(
        try await common.administer(redis: false) { try await $0.replayEvent(id, to: target) })
    }
  }

  struct Test: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Posts a signed event of the type tollgate.test to a target, and shows its answer.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "The target's name in the config file.", transform: ArgumentText.identifier)
    var target: String

    func run() async throws {
      try output.show(try await EventTrial.send(to: target, try common.settings()))
    }
  }
}

extension EventRecord.Status: ExpressibleByArgument {}
