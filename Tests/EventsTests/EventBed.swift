import Events
import Gate
import Logging
import NIOPosix
import PostgresStore
import Signatures
import Synchronization
import TestServers
import Testing

/// A clock that goes when it is told.
final class TestClock: Sendable {
  private let time: Mutex<Instant>
  init(_ start: Instant) { time = Mutex(start) }
  var now: Instant { time.withLock { $0 } }
  func advance(seconds: Int64) { time.withLock { $0 = $0.advanced(seconds: seconds) } }
}

/// A migrated database and a clock that is ahead of it.
struct EventBed: Sendable {
  static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
  /// 2026-12-01T00:00:00Z.
  static let december = Instant(milliseconds: 1_796_083_200_000)

  let pool: PostgresPool
  let store: PostgresStore
  let clock: TestClock
  let logger: Logger

  static func make() async throws -> EventBed {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let configuration = PostgresConfiguration(url: try await PostgresServer.shared().makeDatabase())
    try await Migrator.migrate(configuration, logger: logger)
    let pool = PostgresPool(configuration: configuration, logger: logger)
    let now = try await pool.query("SELECT clock_timestamp() AS now").first?.instant("now")
    return EventBed(
      pool: pool, store: PostgresStore(pool: pool),
      clock: TestClock(try #require(now).advanced(seconds: 3600)), logger: logger)
  }

  func target(
    _ url: String, name: String = "crm", types: [String] = [], timeoutMilliseconds: Int64 = 20_000
  ) throws -> DeliveryTarget {
    DeliveryTarget(
      target: EventTarget(name: name, types: types), url: url, secrets: try SigningSecrets([EventBed.secret]),
      timeoutMilliseconds: timeoutMilliseconds)
  }

  /// Makes the targets known, as a gate does at start.
  func register(_ targets: DeliveryTarget...) async throws {
    try await store.registerTargets(targets.map(\.target))
  }

  /// Books crossings of one user each: as many events.
  func book(users: Int = 1, percent: Int64 = 80) async throws {
    let entries = (0..<users).map { number in
      LedgerEntry(
        bucket: 0,
        id: StreamID(milliseconds: EventBed.december.milliseconds + Int64(number), sequence: percent),
        kind: .threshold, side: .user, operation: "threshold-\(number)-\(percent)", user: "u\(number)",
        feature: "chat",
        tokens: 0,
        crossing: ThresholdCrossing(
          percent: percent, periodStart: EventBed.december, used: 800, limit: 1000,
          resetsAt: EventBed.december.advanced(seconds: 86_400)))
    }
    try await store.book(entries, bucket: 0, epoch: 1)
  }

  /// Newest first, with their deliveries.
  func events() async throws -> [EventRecord] {
    var events: [EventRecord] = []
    for event in try await store.events(EventFilter(), PageRequest(limit: 200)).items {
      events.append(try #require(try await store.event(event.id)))
    }
    return events
  }

  /// The only delivery of the only event.
  func delivery() async throws -> EventDelivery {
    let events = try await events()
    let deliveries = events.flatMap(\.deliveries)
    #expect(events.count == 1 && deliveries.count == 1, "\(events)")
    return try #require(deliveries.first)
  }

  /// Runs a gate's deliverer while the body does.
  func delivering<Value: Sendable>(
    to targets: DeliveryTarget..., over transport: (any WebhookTransport)? = nil,
    _ body: (EventDeliverer) async throws -> Value
  ) async throws -> Value {
    let http = HTTPWebhookTransport(
      group: .singleton, connectionsPerHost: EventDeliverer.connections(for: targets.count))
    let clock = clock
    let deliverer = EventDeliverer(
      store: store, targets: targets, transport: transport ?? http, pollMilliseconds: 5,
      now: { clock.now }, jitter: { 0 }, logger: logger)
    let value = try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await deliverer.run() }
      do {
        let value = try await body(deliverer)
        deliverer.stop()
        try await group.waitForAll()
        return value
      } catch {
        deliverer.stop()
        throw error
      }
    }
    try await http.shutdown()
    return value
  }
}

/// Asks again and again until the condition holds; an issue when it doesn't in time.
func eventually(
  within limit: Duration = .seconds(20), _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: () async throws -> Bool
) async throws {
  let end = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < end else {
      Issue.record("not within \(limit): \(what)", sourceLocation: sourceLocation)
      return
    }
    try await Task.sleep(for: .milliseconds(5))
  }
}
