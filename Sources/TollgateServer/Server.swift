internal import AdminAPI
internal import AsyncHTTPClient
internal import Billing
internal import CEmbedded
internal import Dashboard
internal import Events
internal import Gate
internal import Hummingbird
package import Logging
internal import NIOCore
internal import NIOPosix
internal import PostgresStore
internal import RedisStore
internal import ServiceLifecycle
package import Settings
internal import Signatures
internal import UnixSignals

/// Puts the rooms together and runs them until SIGTERM or SIGINT: the listeners stop first and answer what is
/// under way, then the streams are flushed, then the stores are closed.
package struct Server {
  private let settings: Settings
  private let logger: Logger

  package init(settings: Settings, logger: Logger) {
    self.settings = settings
    self.logger = logger
  }

  package func run() async throws {
    for warning in settings.warnings { logger.warning("\(warning)") }
    let threads = settings.server.http.eventLoops
    let group = MultiThreadedEventLoopGroup(numberOfThreads: threads > 0 ? threads : System.coreCount)
    let backend = try await Backend.open(settings, on: group, logger: logger)
    do {
      try await prepare(backend)
      try await serve(backend, on: group)
    } catch {
      await backend.close()
      try? await group.shutdownGracefully()
      throw error
    }
    try await group.shutdownGracefully()
  }

  /// Postgres must be there once, with its schema; Redis must be one that loses nothing by eviction.
  private func prepare(_ backend: Backend) async throws {
    try await Migrator.migrate(Backend.postgres(settings.server), logger: logger)
    try await backend.billingService(backend.eventProcessor()).seedPrices()
    // Before anything is booked: an event goes to the targets that are known when it is.
    try await backend.store.registerTargets(backend.eventTargets().map(\.target))
    try await backend.client.waitUntilReady(deadline: .now() + .seconds(10))
    try await RedisRequirements.check(backend.client)
  }

  private func serve(_ backend: Backend, on group: MultiThreadedEventLoopGroup) async throws {
    let ledger = settings.server.ledger
    let consumer = "gate-\(String(UInt64.random(in: 1 ... .max), radix: 36))"
    let streams = (0..<settings.server.redis.buckets).map {
      UsageStream(client: backend.client, keyspace: backend.keyspace, bucket: $0, consumer: consumer)
    }
    let flusher = Flusher(
      streams: streams, ledger: backend.store, entriesMax: ledger.flushEntriesMax,
      pauseMilliseconds: ledger.flushMilliseconds,
      logger: logger)
    let loader = AccountLoader(
      client: backend.client, keyspace: backend.keyspace, epochs: backend.epochs, store: backend.store,
      flushed: { bucket in await flusher.settled(bucket: bucket) })
    let links = LinksCache(accounts: backend.store, catalog: settings.catalog, logger: logger)
    let budgets = try await LiveBudgets.connect(backend, loader: loader, on: group.next())
    let events = backend.eventProcessor()
    let webhooks = try backend.webhookProcessor(events)
    var control = controlPlane(backend, budgets: budgets, events: events, webhooks: webhooks)
    // Readiness is asked of the server that it is a route of.
    let probe = Late<ReadinessProbe>()
    control.hooks.readiness = { await probe.value?.probe() ?? Readiness(isReady: false) }
    let degraded = backend.degradedMode(gate: consumer)
    let server = GateServer(
      group: group, backend: backend, loader: loader, degraded: degraded, links: links,
      control: settings.server.http.servesUserPage
        ? UserPage(before: .gate(control)) : ControlRoutes.gate(control))
    let listeners = AwaitedListeners(settings.server.http.adminListeners.count)
    probe.value = ReadinessProbe(backend: backend, gate: server, flusher: flusher, listeners: listeners)
    backend.onKeysChanged.value = { server.forgetKeys() }
    let delivery = try backend.eventDelivery(on: group)
    let operations = Operations(backend, gate: server, flusher: flusher, loader: loader, name: consumer)
    operations.lend(to: &control.hooks)
    let metrics = MetricsText(
      gate: server, flusher: flusher, events: EventMetrics(deliverer: delivery?.deliverer),
      webhooks: events.tally, charges: backend.store, reconciliation: operations.reconciliation,
      store: backend.store)
    control.hooks.metrics = { await metrics.render() }
    var services: [any Service] = [
      BackendCloser(backend: backend, budgets: budgets), flusher, backend.publisher, links,
      HoldSweeper(ledger: backend.store, budgets: budgets, now: Clock.now, logger: logger),
      Maintenance(
        store: backend.store, retentionMonths: backend.settings.server.ledger.retentionMonths,
        keepEventsDays: settings.server.events.keepDays, billing: backend.billing,
        stripe: settings.server.stripe, logger: logger),
      backend.chargeCollector(degraded, budgets, loader, streams, flusher),
    ]
    services += operations.services
    if let delivery { services.append(delivery) }
    services += backend.billingServices(events)
    let dashboard = Dashboard(
      api: .admin(control), control: control, sessions: backend.store,
      limits: .init(
        idleSeconds: settings.server.http.sessionIdleSeconds, seconds: settings.server.http.sessionSeconds))
    services += adminListeners(dashboard, awaited: listeners, on: group)
    services.append(
      TokenUse(gate: server, principals: backend.store, accounts: backend.store, logger: logger))
    services.append(server)
    // At debug level it writes out whole services, and with them the settings' secrets.
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .info)
    let lifecycle = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: services.map { .init(service: $0) }, gracefulShutdownSignals: [.sigterm, .sigint],
        logger: quiet))
    try await lifecycle.run()
  }

  private func controlPlane(
    _ backend: Backend, budgets: LiveBudgets, events: EventProcessor, webhooks: WebhookProcessor?
  ) -> ControlPlane {
    let bootstrap = settings.server.bootstrap
    var control = ControlPlane(
      accounts: backend.store, principals: backend.store, outbox: backend.publisher, budgets: budgets,
      catalog: settings.catalog, calendar: ZonedCalendar(settings.catalog),
      tokenOwner: { id async throws(StoreError) in try await backend.tokenOwner(id) }, now: Clock.now,
      logger: logger, bootstrapOperator: bootstrap.adminKey.flatMap(KeyHash.of),
      bootstrapService: bootstrap.serviceKey.flatMap(KeyHash.of),
      docsBase: settings.server.http.docsURL ?? ProblemCode.docsBaseDefault)
    let billing = backend.billingService(events)
    control.hooks.billing = billing
    control.hooks.prices = { () async throws(BillingFault) in try await billing.prices() }
    control.hooks.openAPI = { Documents.openAPI }
    control.hooks.events = EventHook(
      store: backend.store,
      targets: settings.server.events.targets.map { EventTarget(name: $0.name, types: $0.types) })
    if let webhooks {
      control.hooks.stripeWebhook = { body, signature in
        await webhooks.receive(rawBody: body, signatureHeader: signature, now: Clock.now())
      }
    }
    control.hooks.replay = { event, actor in
      guard try await backend.replay(event, by: events, actor: actor) != nil else { return nil }
      return try await backend.store.webhookEvent(event)
    }
    return control
  }

  private func adminListeners(
    _ service: any ControlService, awaited: AwaitedListeners, on group: MultiThreadedEventLoopGroup
  ) -> [any Service] {
    settings.server.http.adminListeners.map { address in
      let bound: BindAddress =
        switch address {
        case .tcp(let host, let port): .hostname(host, port: port)
        case .unix(let path): .unixDomainSocket(path: path)
        }
      return Application(
        responder: ControlResponder(service), configuration: ApplicationConfiguration(address: bound),
        onServerRunning: { _ in awaited.opened() }, eventLoopGroupProvider: .shared(group), logger: logger)
    }
  }
}

/// Documents that travel in the binary.
enum Documents {
  static let openAPI: [UInt8] = unsafe Array(
    UnsafeBufferPointer(start: tollgate_openapi.bytes, count: tollgate_openapi.count))
}
