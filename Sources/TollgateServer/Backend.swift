internal import Billing
package import Gate
package import Logging
package import NIOCore
internal import NIOPosix
package import PostgresStore
package import RedisStore
package import Settings

/// The stores, opened as the settings say: what the server and every command that changes something stand on.
package struct Backend: Sendable {
  package let settings: Settings
  package let store: PostgresStore
  package let billing: PostgresBillingStore
  package let client: RedisClient
  package let keyspace: Keyspace
  package let epochs: CounterEpochs
  package let counters: RedisCounters
  package let redis: RedisConnectionConfiguration
  /// Called, on the listener's thread, when a service or admin key was made or revoked anywhere.
  let onKeysChanged: Late<@Sendable () -> Void>
  /// Stripe's API; nil without a key. One per process, which keeps all its calls together below the limits.
  let stripe: StripeClient?
  package let logger: Logger
  private let pool: PostgresPool
  private let listener: PostgresListener

  /// What the trigger on the keys notifies.
  private static let keysChanged = "keys"

  /// Opens both; the connections are made in the background. Throws what is wrong with the addresses.
  package static func open(
    _ settings: Settings, on loops: any EventLoopGroup, logger: Logger
  ) async throws -> Backend {
    let server = settings.server
    let postgres = Backend.postgres(server)
    let pool = PostgresPool(configuration: postgres, logger: logger)
    let store = PostgresStore(pool: pool)
    let keyspace = Keyspace(buckets: server.redis.buckets)
    let epochs = CounterEpochs(keyspace: keyspace, ledger: store, logger: logger)
    var limits = ConnectionLimits()
    limits.connectTimeout = .milliseconds(server.redis.connectMilliseconds)
    limits.pingInterval = .milliseconds(server.redis.pingMilliseconds)
    limits.timeoutsInARowMax = server.redis.breakerFailures
    limits.livenessTimeout = .milliseconds(server.redis.breakerOpenMilliseconds)
    limits.defaultDeadline = .milliseconds(max(1_000, server.http.deadlineMilliseconds))
    limits.reportDeadline = .milliseconds(server.http.deadlineMilliseconds)
    let redis = try RedisConnectionConfiguration(url: RedisURL(server.redis.url.revealed), limits: limits)
    let client = try await RedisClient(
      eventLoops: [loops.next()], configuration: redis, logger: logger,
      onReady: { handshake in
        handshake.load(Scripts.embedded.library).and(epochs.verify(handshake)).map { _ in }
      })
    let onKeysChanged = Late<@Sendable () -> Void>()
    let fence = VersionFence(client: client, keyspace: keyspace)
    let listener = PostgresListener(
      configuration: postgres, pollMilliseconds: server.ledger.outboxPollMilliseconds, logger: logger,
      onPayload: { payload in
        if let announcement = Announcement(payload) { fence.raise(announcement) }
        if payload == Backend.keysChanged { onKeysChanged.value?() }
      })
    return Backend(
      settings: settings, store: store, billing: PostgresBillingStore(pool: pool), client: client,
      keyspace: keyspace, epochs: epochs,
      counters: RedisCounters(client: client, keyspace: keyspace, epochs: epochs), redis: redis,
      onKeysChanged: onKeysChanged, stripe: Backend.stripe(server.stripe, logger), logger: logger,
      pool: pool, listener: listener)
  }

  package static func postgres(_ server: ServerSettings) -> PostgresConfiguration {
    PostgresConfiguration(
      url: server.postgres.url.revealed, schema: server.postgres.schema,
      connections: server.postgres.connections,
      connectTimeoutMilliseconds: server.postgres.connectSeconds * 1000,
      statementTimeoutMilliseconds: server.postgres.statementMilliseconds)
  }

  /// Has Redis learn of changes: inline for callers, and in the background when run.
  package var publisher: OutboxPublisher {
    OutboxPublisher(
      outbox: store, principals: store, counters: counters, catalog: settings.catalog, listener: listener,
      pollMilliseconds: settings.server.ledger.outboxPollMilliseconds,
      rowsMax: settings.server.ledger.outboxRowsMax, logger: logger)
  }

  /// Whose a token is or was, for a revocation that has to be made effective.
  package func tokenOwner(_ id: String) async throws(StoreError) -> String? {
    let rows = try await pool.query(
      """
      SELECT coalesce(
        (SELECT user_id FROM extension_tokens WHERE id = $1),
        (SELECT before->>'user_id' FROM audit_log
          WHERE subject = 'token:' || $1 AND action = 'token.revoke' ORDER BY id DESC LIMIT 1)) AS user_id
      """, [.text(id)])
    return rows.first?.string("user_id")
  }

  /// Returns when Redis was reached and verified. Throws `unavailable` after 10 s.
  package func waitUntilReady() async throws(StoreError) {
    try await client.waitUntilReady(deadline: .now() + .seconds(10))
  }

  package func close() async {
    listener.close()
    await client.close()
    await pool.close()
  }
}
