package import Gate

/// The ports of the domain on Postgres. Topics are in extensions: principals, books, outbox, accounts.
package struct PostgresStore: Sendable {
  /// The connections, also for what has no port.
  package let pool: PostgresPool

  /// Over a schema that ``Migrator`` has brought up to date.
  package init(pool: PostgresPool) { self.pool = pool }

  /// The ledger's partitions of this month and the next three.
  static let makePartitions = "SELECT ledger_make_partitions(now(), now() + interval '3 months')"

  /// To be called about once an hour by any number of gates: makes partitions ahead, and drops what nobody
  /// reads any more (applied outbox rows after 7 days, what shadowed limits would have refused after 400 days,
  /// holds that are resolved on either side 2 days after their expiry, what was charged after an outage 25 hours
  /// later).
  package func maintain() async throws(StoreError) {
    _ = try await pool.query(PostgresStore.makePartitions)
    _ = try await pool.query("DELETE FROM outbox WHERE applied_at < now() - interval '7 days'")
    _ = try await pool.query(
      """
      DELETE FROM holds WHERE state <> 'open' AND (tenant_closed OR NOT draws_on_tenant)
        AND expires_at < now() - interval '2 days'
      """)
    _ = try await pool.query("DELETE FROM shadow_hourly WHERE hour < now() - interval '400 days'")
    _ = try await pool.query(
      "DELETE FROM degraded_charges WHERE collected_at < now() - interval '25 hours'")
  }
}
