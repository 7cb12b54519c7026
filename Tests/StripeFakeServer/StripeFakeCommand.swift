import ArgumentParser
import AsyncHTTPClient
import Foundation
import Logging
import ServiceLifecycle
import StripeFake
import UnixSignals

/// `stripe-fake`: a Stripe of one's own, for demos and tests.
@main struct StripeFakeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stripe-fake",
    abstract: "A Stripe for tests and demos: its API, checkout and portal pages, and signed webhooks.",
    discussion: """
      STRIPE_FAKE_API_KEY is the only key that is taken (without it, every sk_test_ key);
      STRIPE_FAKE_WEBHOOK_SECRETS signs what is posted, one signature per secret of the list.
      """)

  @Option(help: "The host to listen on.") var host = "127.0.0.1"
  @Option(help: "The port to listen on; 0: a free one.") var port = 0
  @Option(help: "Where events are posted to.") var webhook: String?
  @Option(help: "A price: id=cents, or id=cents/month for one that recurs (day, week, month, year).")
  var price: [PriceOption] = []
  @Option(help: "The shape of events: old, basil, both.") var shape = PayloadShape.basil
  @Option(help: "What befalls events: shuffled, duplicated, twins, delayed, dropped, all; commas between.")
  var deliveries = ""
  @Option(help: "Decides ids, and what befalls which event.") var seed: UInt64 = .random(in: 0 ... .max)
  @Option(help: "Keeps what happened in this file, from one run to the next.") var state: String?
  @Flag(help: "The clock stands still until it is advanced.") var frozen = false

  func run() async throws {
    let environment = ProcessInfo.processInfo.environment
    guard let modes = DeliveryMode.set(deliveries) else {
      throw ValidationError("--deliveries: unknown word in \(deliveries)")
    }
    let secrets = (environment["STRIPE_FAKE_WEBHOOK_SECRETS"] ?? "").split(separator: ",").map(String.init)
    guard webhook == nil || !secrets.isEmpty else {
      throw ValidationError("--webhook needs STRIPE_FAKE_WEBHOOK_SECRETS")
    }
    let account = StripeAccount(prices: price.map(\.price), now: StripeFakeCommand.now, seed: seed)
    var sandbox = StripeSandbox(
      account, rendering: Rendering(shape), apiKey: environment["STRIPE_FAKE_API_KEY"])
    let endpoints = webhook.map { [WebhookEndpoint($0, secrets: secrets, shape: shape)] } ?? []
    sandbox.webhooks = WebhookQueue(endpoints: endpoints, modes: modes, seed: seed)
    if let state { try StateKeeper.load(state, into: &sandbox) }
    let server = StripeFakeServer(sandbox, clock: frozen ? .frozen : .ticking) { StripeFakeCommand.now }
    var logger = Logger(label: "stripe-fake")
    logger.logLevel = .warning
    let host = host
    let client = HTTPClient(eventLoopGroupProvider: .singleton)
    let services = server.services(
      host: host, port: port, client: client, logger: logger, stateFile: state
    ) { port in
      FileHandle.standardOutput.write(Data("stripe-fake listens on http://\(host):\(port)\n".utf8))
    }
    let group = ServiceGroup(
      configuration: .init(
        services: services.map { .init(service: $0) }, gracefulShutdownSignals: [.sigterm, .sigint],
        logger: logger))
    do { try await group.run() } catch {
      try? await client.shutdown()
      throw error
    }
    try await client.shutdown()
  }

  private static var now: Int64 { Int64(Date.now.timeIntervalSince1970) }
}

/// `price_pro_monthly=2000/month`.
struct PriceOption: ExpressibleByArgument {
  let price: StripeAccount.Price

  init?(argument: String) {
    let sides = argument.split(separator: "=", maxSplits: 1)
    guard sides.count == 2 else { return nil }
    let parts = sides[1].split(separator: "/", maxSplits: 1)
    guard let amount = Int64(parts[0]), amount >= 0 else { return nil }
    guard parts.count == 2 else {
      price = StripeAccount.Price(String(sides[0]), amount: amount)
      return
    }
    guard let interval = Interval(rawValue: String(parts[1])) else { return nil }
    price = StripeAccount.Price(String(sides[0]), amount: amount, every: interval)
  }
}

extension PayloadShape: ExpressibleByArgument {}
