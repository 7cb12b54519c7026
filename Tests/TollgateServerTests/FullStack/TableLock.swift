import Gate
import Logging
import PostgresStore

/// A table that another session keeps for itself, so that whoever needs it next stops there.
final class TableLock: Sendable {
  private let pool: PostgresPool
  private let holder: Task<Void, any Error>
  private let end: AsyncStream<Void>.Continuation

  /// Returns once the table is taken.
  static func take(_ table: String, of database: String) async throws -> TableLock {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    var configuration = PostgresConfiguration(url: database, connections: 1)
    configuration.statementTimeoutMilliseconds = 60_000
    let pool = PostgresPool(configuration: configuration, logger: logger)
    let (released, end) = AsyncStream.makeStream(of: Void.self)
    let (taken, hasTaken) = AsyncStream.makeStream(of: Void.self)
    let holder = Task {
      defer { hasTaken.finish() }
      try await pool.transaction { (transaction) async throws(StoreError) in
        _ = try await transaction.query("LOCK TABLE \(table) IN ACCESS EXCLUSIVE MODE")
        hasTaken.yield()
        for await _ in released {}
      }
    }
    for await _ in taken { return TableLock(pool, holder, end) }
    try await holder.value
    throw StackError("\(table) was not taken")
  }

  private init(
    _ pool: PostgresPool, _ holder: Task<Void, any Error>, _ end: AsyncStream<Void>.Continuation
  ) {
    self.pool = pool
    self.holder = holder
    self.end = end
  }

  /// Gives the table back. A session that died with the server has given it back already.
  func release() async {
    end.finish()
    _ = await holder.result
    await pool.close()
  }
}
