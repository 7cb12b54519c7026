package import Gate
package import Logging

/// Brings a schema up to this binary's migrations.
package enum Migrator {
  /// One migration, and when it was applied.
  package struct Status: Sendable, Equatable {
    /// As ``Migration/name``.
    package var name: String
    /// nil: not yet.
    package var appliedAt: Instant?
    /// It was applied from another text than this binary carries, or is unknown to it (then it is from a
    /// newer version).
    package var isForeign: Bool
  }

  /// Applies what is missing, each step in a transaction of its own, and makes the ledger's partitions; the
  /// names of what it applied. Any number of gates may start it at once. Throws `conflict` when a recorded
  /// step's text has changed.
  @discardableResult
  package static func migrate(
    _ configuration: PostgresConfiguration, migrations: [Migration] = Migration.all, logger: Logger
  ) async throws(StoreError) -> [String] {
    try await PostgresPool.patiently(configuration, logger) { (pool) async throws(StoreError) -> [String] in
      var applied: [String] = []
      for migration in migrations.sorted(by: { $0.name < $1.name }) {
        let isNew = try await pool.transaction { (transaction) async throws(StoreError) -> Bool in
          try await apply(migration, schema: configuration.schema, transaction)
        }
        if isNew {
          applied.append(migration.name)
          logger.info("migration applied", metadata: ["migration.name": "\(migration.name)"])
        }
      }
      if try await pool.query("SELECT to_regclass('ledger') IS NOT NULL AS made").first?.bool("made") == true
      {
        _ = try await pool.query(PostgresStore.makePartitions)
      }
      return applied
    }
  }

  /// Where the schema stands; changes nothing.
  package static func status(
    _ configuration: PostgresConfiguration, migrations: [Migration] = Migration.all, logger: Logger
  ) async throws(StoreError) -> [Status] {
    try await PostgresPool.patiently(configuration, logger) { (pool) async throws(StoreError) -> [Status] in
      var recorded: [String: (checksum: String, at: Instant?)] = [:]
      if try await pool.query("SELECT to_regclass('migrations') IS NOT NULL AS made").first?.bool("made")
        == true
      {
        let rows = try await pool.query("SELECT name, checksum, applied_at FROM migrations")
        for row in 0..<rows.count {
          recorded[rows.string(row, "name") ?? ""] = (
            rows.string(row, "checksum") ?? "", rows.instant(row, "applied_at")
          )
        }
      }
      var statuses: [Status] = []
      for migration in migrations {
        let found = recorded.removeValue(forKey: migration.name)
        var isForeign = false
        if let found { isForeign = try await checksum(migration, pool) != found.checksum }
        statuses.append(Status(name: migration.name, appliedAt: found?.at, isForeign: isForeign))
      }
      statuses += recorded.map { Status(name: $0.key, appliedAt: $0.value.at, isForeign: true) }
      return statuses.sorted { $0.name < $1.name }
    }
  }

  /// False when it had been applied before.
  private static func apply(
    _ migration: Migration, schema: String, _ transaction: PostgresTransaction
  ) async throws(StoreError) -> Bool {
    _ = try await transaction.query(
      "SELECT pg_advisory_xact_lock(hashtext('tollgate.migrate'), hashtext($1))", [.text(schema)])
    try await transaction.run(
      script: """
        CREATE SCHEMA IF NOT EXISTS "\(schema)";
        CREATE TABLE IF NOT EXISTS migrations (
          name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())
        """)
    let rows = try await transaction.query(
      """
      SELECT (SELECT checksum FROM migrations WHERE name = $1) AS recorded,
        encode(sha256($2), 'hex') AS checksum
      """, [.text(migration.name), .bytes(Array(migration.sql.utf8))])
    if let recorded = rows.string(0, "recorded") {
      guard recorded == rows.string(0, "checksum") else {
        throw .conflict("migration \(migration.name) was applied from another text than this binary has")
      }
      return false
    }
    try await transaction.run(script: migration.sql)
    _ = try await transaction.query(
      "INSERT INTO migrations (name, checksum) VALUES ($1, $2)",
      [.text(migration.name), .text(orNull: rows.string(0, "checksum"))])
    return true
  }

  private static func checksum(_ migration: Migration, _ pool: PostgresPool) async throws(StoreError)
    -> String
  {
    let rows = try await pool.query(
      "SELECT encode(sha256($1), 'hex') AS checksum", [.bytes(Array(migration.sql.utf8))])
    return rows.string(0, "checksum") ?? ""
  }
}
