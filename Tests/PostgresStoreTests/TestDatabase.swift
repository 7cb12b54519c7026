import Gate
import Logging
import PostgresStore
import TestServers
import Testing

/// A database of a test's own on the shared cluster, migrated, with a pool and a store.
struct TestDatabase {
  let server: PostgresServer
  let configuration: PostgresConfiguration
  let pool: PostgresPool
  let store: PostgresStore

  static let logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
  }()

  static func make(connections: Int = 4, server: PostgresServer? = nil) async throws -> TestDatabase {
    let own = server
    let server: PostgresServer
    if let own { server = own } else { server = try await PostgresServer.shared() }
    let configuration = PostgresConfiguration(
      url: try await server.makeDatabase(), connections: connections)
    try await Migrator.migrate(configuration, logger: logger)
    let pool = PostgresPool(configuration: configuration, logger: logger)
    return TestDatabase(
      server: server, configuration: configuration, pool: pool, store: PostgresStore(pool: pool))
  }

  /// SQL as another system runs it: from a session that knows nothing of our search path.
  @discardableResult
  func sql(_ text: String) async throws -> String {
    try await server.psql(text, url: configuration.url)
  }

  func version(user: String) async throws -> Int64? { try await store.user(user)?.version }

  /// Takes what is pending in the outbox and marks it applied.
  func takeOutbox() async throws -> [String] {
    let rows = try await store.pendingOutbox(limit: 1000)
    try await store.markApplied(rows.map(\.id))
    return rows.map(\.account.description)
  }
}

func hash(_ number: UInt64) -> TokenHash { TokenHash(w0: number, w1: 1, w2: 2, w3: 3) }

extension TokenHash {
  var sqlLiteral: String {
    "'\\x" + bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "'"
  }
}

/// 2026-12-01T00:00:00Z.
let december = Instant(milliseconds: 1_796_083_200_000)
