import ArgumentParser
import TollgateServer

struct WebhookCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "webhook", abstract: "Lists and replays Stripe's events, and tries fixtures out.",
    subcommands: [List.self, Replay.self, Send.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists received events, newest first.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var page: PageOptions
    @Option(help: "processed, ignored, unmatched or failed.", transform: ArgumentText.identifier)
    var status: String?
    @Option(help: "Stripe's type, such as invoice.paid.", transform: ArgumentText.identifier)
    var type: String?

    func run() async throws {
      try output.show(
        try await common.administer(redis: false) {
          try await $0.webhookEvents(status: status, type: type, page.request)
        })
    }
  }

  struct Replay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Processes a stored event again; one that is done stays as it is.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "Stripe's id, evt_….", transform: ArgumentText.identifier) var id: String?
    @Option(help: "All events that are: unmatched, failed.") var status: Waiting?

    /// What a replay may change.
    enum Waiting: String, ExpressibleByArgument, CaseIterable { case unmatched, failed }

    func validate() throws {
      guard (id == nil) != (status == nil) else {
        throw ValidationError("Give either the id of an event or --status.")
      }
    }

    func run() async throws {
      try output.show(
        try await common.administer { administration in
          if let status { return try await administration.replayWebhooks(status: status.rawValue) }
          return try await administration.replayWebhook(id ?? "")
        })
    }
  }

  struct Send: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Signs a JSON file with the first webhook secret, and posts it to the gate as Stripe would.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "The file.", completion: .file(extensions: ["json"])) var fixture: String
    @Option(
      help: "Where to; default: /webhooks/stripe of the gate that the settings describe.",
      transform: ArgumentText.url)
    var url: String?

    func run() async throws {
      try output.show(try await WebhookFixture.send(fixture, to: url, try common.settings()))
    }
  }
}
