internal import AsyncHTTPClient
internal import Billing
internal import Gate
internal import Logging
internal import PostgresStore
internal import ServiceLifecycle
internal import Settings
internal import Signatures

extension Backend {
  /// Stripe's API; nil without a key.
  static func stripe(_ settings: StripeSettings, _ logger: Logger) -> StripeClient? {
    guard let key = settings.apiKey else { return nil }
    let transport = HTTPClientTransport(
      client: HTTPClient.shared, base: settings.apiBase,
      timeoutMilliseconds: settings.timeoutMilliseconds)
    return StripeClient(key: key.revealed, transport: transport, logger: logger)
  }

  /// What acts on Stripe's events, for the server, for a replay by hand and for a comparison.
  func eventProcessor() -> EventProcessor {
    EventProcessor(
      store: billing, outbox: publisher, catalog: settings.catalog, stripe: stripe, logger: logger)
  }

  /// Processes a stored event again, and notes who had it done; its status then, nil when there is no such event.
  func replay(
    _ id: String, by events: EventProcessor, actor: String
  ) async throws(StoreError) -> String? {
    guard let before = try await store.webhookEvent(id) else { return nil }
    guard let status = try await events.replay(eventID: id, now: Clock.now()) else { return nil }
    // One that was done before stays as it is, whatever the replay says of itself.
    let after = try await store.webhookEvent(id)?.status ?? status
    try await store.auditReplay(of: id, from: before.status, to: after, actor: actor)
    return status
  }

  /// What takes Stripe's deliveries. nil without a webhook secret: then nobody can prove to be Stripe.
  func webhookProcessor(_ events: EventProcessor) throws(WebhookSecrets.Refusal) -> WebhookProcessor? {
    let section = settings.server.stripe
    guard !section.webhookSecrets.isEmpty else { return nil }
    // Half of the connections are always left to the checks.
    let admission = WebhookAdmission(
      runningMax: max(1, min(section.webhookPlaces, settings.server.postgres.connections / 2)),
      groupMax: section.webhookGroupMax, restPercent: section.webhookRestPercent)
    return WebhookProcessor(
      events: events, secrets: try WebhookSecrets(section.webhookSecrets.map(\.revealed)),
      toleranceSeconds: section.toleranceSeconds, admission: admission, logger: logger)
  }

  /// What `/v1/billing` asks.
  func billingService(_ events: EventProcessor) -> BillingService {
    let store = store
    return BillingService(
      store: billing, events: events, catalog: settings.catalog, stripe: stripe, logger: logger,
      storedLinks: { () async throws(StoreError) in try await store.billingLinks() })
  }

  /// A comparison with Stripe; nil without a key.
  func stripeSync(_ events: EventProcessor) -> StripeSync? {
    stripe.map { StripeSync(events: events, positions: billing, stripe: $0, now: Clock.now, logger: logger) }
  }

  /// What billing does by itself while the server runs.
  func billingServices(_ events: EventProcessor) -> [any Service] {
    let section = settings.server.stripe
    var services: [any Service] = []
    services.append(
      BillingLoop(run: UnmatchedReplay(events: events, now: Clock.now).run))
    if let sync = stripeSync(events), section.syncHours > 0 {
      services.append(BillingLoop(run: SyncSchedule(sync: sync, hours: section.syncHours).run))
    }
    if let stripe, section.createsCustomers {
      let maker = CustomerMaker(orders: billing, stripe: stripe, logger: logger)
      services.append(BillingLoop(run: CustomerSchedule(maker: maker).run))
    }
    return services
  }
}

/// Something of billing's that runs until the server shuts down.
struct BillingLoop: Service {
  private let body: @Sendable () async -> Void

  init(run: @escaping @Sendable () async -> Void) { body = run }

  func run() async throws {
    await cancelWhenGracefulShutdown { await self.body() }
  }
}
