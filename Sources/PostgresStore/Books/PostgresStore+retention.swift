package import Gate

extension PostgresStore {
  /// Sums up and drops the ledger's months that lie more than `months` (1 to 1,200) whole months before the
  /// current one, oldest first; the first moments of those that went. It ends at a month that can't go yet
  /// (``ledger_archive_month`` says when). Any number of gates may call it at once, and again after a failure.
  ///
  /// To be called when the streams are known to be read: an entry of a dropped month that is delivered again
  /// is told by its place in the stream alone.
  package func archiveLedger(keepingMonths months: Int64) async throws(StoreError) -> [Instant] {
    precondition((1...1200).contains(months), "a month may go when no hold or late settle can reach it")
    let rows = try await pool.query(
      """
      SELECT month FROM (
        SELECT to_timestamp(right(c.relname, 7), 'YYYY_MM') AS month
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'ledger'::regclass AND c.relname ~ '^ledger_[0-9]{4}_[0-9]{2}$') AS partitions
      WHERE month < date_trunc('month', now(), 'UTC') - make_interval(months => $1::int)
      ORDER BY month
      """, [.int(months)])
    let due = try rows.map { row throws(StoreError) in try row.need("month", PostgresRow.instant) }
    guard !due.isEmpty else { return [] }
    return try await PostgresPool.patiently(pool.configuration, pool.logger) {
      (patient) async throws(StoreError) -> [Instant] in
      var archived: [Instant] = []
      for month in due {
        guard try await Self.archive(month, patient) else { break }
        archived.append(month)
      }
      return archived
    }
  }

  private static func archive(_ month: Instant, _ pool: PostgresPool) async throws(StoreError) -> Bool {
    try await pool.transaction { (transaction) async throws(StoreError) -> Bool in
      // Below deadlock_timeout (a second): this gives up, not a booker that waits behind it.
      _ = try await transaction.query("SET LOCAL lock_timeout = '500ms'")
      let rows = try await transaction.query(
        "SELECT ledger_archive_month($1) AS archived", [.instant(month)])
      return rows.first?.bool("archived") ?? false
    }
  }
}
