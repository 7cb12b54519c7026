internal import Gate
internal import PostgresStore

/// What a Postgres says of itself and of the schema.
package struct PostgresFacts: Sendable, Equatable {
  /// `15.4 (Debian …)`.
  package var version: String
  /// `150004`.
  package var versionNumber: Int64
  /// Connections go through a pooler in transaction mode.
  package var isPooledByTransaction: Bool
  /// It is a standby, which takes no writes.
  package var isReadOnly: Bool
  /// Migrations of this binary that were not applied.
  package var migrationsMissing: [String]
  /// Applied ones that this binary doesn't know, or knows with another text.
  package var migrationsForeign: [String]
  /// Of this binary.
  package var migrationsKnown: Int
  /// Parts of ids and emails are found by an index; nil where the schema is not whole.
  package var hasSearchIndex: Bool?

  /// Facts at hand.
  package init(
    version: String, versionNumber: Int64, isPooledByTransaction: Bool = false, isReadOnly: Bool = false,
    migrationsMissing: [String] = [], migrationsForeign: [String] = [], migrationsKnown: Int,
    hasSearchIndex: Bool? = nil
  ) {
    self.version = version
    self.versionNumber = versionNumber
    self.isPooledByTransaction = isPooledByTransaction
    self.isReadOnly = isReadOnly
    self.migrationsMissing = migrationsMissing
    self.migrationsForeign = migrationsForeign
    self.migrationsKnown = migrationsKnown
    self.hasSearchIndex = hasSearchIndex
  }

  static func read(
    _ pool: PostgresPool, _ migrations: [Migrator.Status]
  ) async throws(StoreError) -> PostgresFacts {
    let route = try await pool.route()
    let rows = try await pool.query(
      """
      SELECT current_setting('server_version') AS version,
        current_setting('server_version_num')::bigint AS number, pg_is_in_recovery() AS is_standby,
        to_regclass('users_search') IS NOT NULL AS has_search
      """)
    guard let row = rows.first else { throw .internalError("a SELECT without a row") }
    let missing = migrations.filter { $0.appliedAt == nil && !$0.isForeign }.map(\.name)
    return PostgresFacts(
      version: row.string("version") ?? "?", versionNumber: row.int("number") ?? 0,
      isPooledByTransaction: route == .transaction, isReadOnly: row.bool("is_standby") ?? false,
      migrationsMissing: missing,
      migrationsForeign: migrations.filter(\.isForeign).map(\.name), migrationsKnown: Migration.all.count,
      hasSearchIndex: missing.isEmpty ? row.bool("has_search") : nil)
  }
}
