internal import AdminAPI
internal import Gate
internal import GateAPI
internal import HTTPServing
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import RedisStore
internal import ServiceLifecycle
internal import Settings
internal import Signatures
internal import Synchronization

/// The gate's listeners: one engine and one handler per event loop.
final class GateServer: Service {
  private let group: MultiThreadedEventLoopGroup
  private let settings: Settings
  private let server: HTTPServer
  private let logger: Logger
  private let loops: Loops
  private let isDraining = Atomic(false)

  /// What the handlers are, for metrics: each is only touched on its own loop.
  final class Loops: Sendable {
    let all = Mutex<[NIOLoopBound<LoopParts>]>([])
  }
  final class LoopParts {
    let handler: GateHandler
    let engine: LoopCheckEngine
    init(handler: GateHandler, engine: LoopCheckEngine) {
      self.handler = handler
      self.engine = engine
    }
  }

  init(
    group: MultiThreadedEventLoopGroup, backend: Backend, loader: any AccountLoading, degraded: DegradedMode,
    links: LinksCache, control: any ControlService
  ) {
    let settings = backend.settings
    let http = settings.server.http
    self.group = group
    self.settings = settings
    logger = backend.logger
    let loops = Loops()
    self.loops = loops
    let configuration = GateServer.configuration(settings)
    let transport = ControlTransport(service: control)
    let calendar = ZonedCalendar(settings.catalog)
    var serving = HTTPServingConfiguration()
    serving.limits.headBytesMax = http.headerBytesMax
    serving.limits.headersMax = http.headersMax
    serving.idleMillisecondsMax = Int(http.idleSeconds * 1000)
    serving.headMillisecondsMax = Int(http.headerSeconds * 1000)
    serving.bodyMillisecondsMax = Int(http.bodySeconds * 1000)
    serving.connectionsMax = http.connectionsMax
    serving.reusePort = http.reusesPort
    server = HTTPServer(
      group: group, addresses: http.gateListeners.compactMap { HTTPBindAddress("\($0)") },
      configuration: serving,
      logger: backend.logger
    ) { eventLoop in
      let engine = LoopCheckEngine.connect(
        on: eventLoop, configuration: backend.redis, keyspace: backend.keyspace, calendar: calendar,
        thresholds: configuration.catalog.thresholds, epochs: backend.epochs, logger: backend.logger)
      let handler = GateHandler(
        configuration: configuration, engine: engine, store: backend.store, loader: loader,
        publisher: backend.publisher, degraded: degraded, links: { links.current },
        control: { request in await transport.respond(to: request) })
      let parts = NIOLoopBound(LoopParts(handler: handler, engine: engine), eventLoop: eventLoop)
      loops.all.withLock { $0.append(parts) }
      return handler
    }
  }

  private static func configuration(_ settings: Settings) -> GateConfiguration {
    let http = settings.server.http
    var configuration = GateConfiguration(
      catalog: settings.catalog, docsBase: http.docsURL ?? ProblemCode.docsBaseDefault)
    configuration.deadlineMilliseconds = http.deadlineMilliseconds
    configuration.loadMilliseconds = max(2_000, http.deadlineMilliseconds)
    configuration.bodyBytesMax = http.bodyBytesMax
    configuration.webhookBodyBytesMax = http.webhookBodyBytesMax
    configuration.inFlightMax = http.requestsInFlightMax
    configuration.principalsMax = settings.server.principals.entriesMax
    configuration.accelLocation = settings.server.authz.accelLocation
    configuration.bootstrapServiceKey = settings.server.bootstrap.serviceKey.flatMap(KeyHash.of)
    return configuration
  }

  func run() async throws {
    let bound = try await server.start()
    for address in bound { logger.info("gate listens", metadata: ["address": "\(address)"]) }
    try await gracefulShutdown()
    isDraining.store(true, ordering: .relaxed)
    await server.shutdownGracefully(deadlineSeconds: Double(settings.server.http.drainSeconds))
    for loop in loops.all.withLock({ $0 }) {
      try? await loop.eventLoop.submit { loop.value.engine.close() }.get()
    }
  }

  /// Has every loop look service keys up again.
  func forgetKeys() {
    for loop in loops.all.withLock({ $0 }) {
      loop.eventLoop.execute { loop.value.handler.forgetKeys() }
    }
  }

  var draining: Bool { isDraining.load(ordering: .relaxed) }
  var counters: HTTPServerCounters { server.counters }

  /// Runs `read` on every loop, and gives what it returned.
  func onEveryLoop<Value: Sendable>(_ read: @escaping @Sendable (LoopParts) -> Value) async -> [Value] {
    var values: [Value] = []
    for loop in loops.all.withLock({ $0 }) {
      if let value = try? await loop.eventLoop.submit({ read(loop.value) }).get() { values.append(value) }
    }
    return values
  }
}

/// The hash of a key from the environment.
enum KeyHash {
  static func of(_ secret: Secret) -> TokenHash? {
    TokenHash(bytes: SHA256.hash(Array(secret.revealed.utf8)))
  }
}
