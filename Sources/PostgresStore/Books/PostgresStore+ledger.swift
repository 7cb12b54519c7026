package import Gate

extension PostgresStore: LedgerStore {
  package func book(_ entries: [LedgerEntry], bucket: Int, epoch: Int64) async throws(StoreError) {
    guard !entries.isEmpty else { return }
    let parameters: [PostgresValue] = [
      .json(BookingBatch.json(entries)), .int(Int64(bucket)), .int(epoch),
    ]
    var attempt = 1
    while true {
      do {
        _ = try await pool.attempt(BookingSQL.statement, parameters)
        return
      } catch {
        // A check violation without a constraint: no partition for a row's month.
        let isPartitionMissing = error.sqlState == "23514" && error.constraint == nil
        guard attempt < 5, isPartitionMissing || error.isRetryable else { throw error.storeError }
        if isPartitionMissing { try await makePartitions(for: entries) }
        attempt += 1
      }
    }
  }

  package func bookedThrough(bucket: Int) async throws(StoreError) -> StreamID? {
    let rows = try await pool.query(
      "SELECT stream_ms, stream_seq FROM ledger_progress WHERE bucket = $1", [.int(Int64(bucket))])
    guard let row = rows.first else { return nil }
    return StreamID(
      milliseconds: try row.need("stream_ms", PostgresRow.int),
      sequence: try row.need("stream_seq", PostgresRow.int))
  }

  package func accountsWithExpiredHolds(
    before: Instant, limit: Int
  ) async throws(StoreError) -> [AccountID] {
    let rows = try await pool.query(
      """
      SELECT kind, id FROM (
        (SELECT 'user' AS kind, user_id AS id, min(expires_at) AS first FROM holds
          WHERE state = 'open' AND expires_at < $1 AND terms_ms > 0 GROUP BY 2 ORDER BY 3 LIMIT $2)
        UNION ALL
        (SELECT 'tenant', tenant_id, min(expires_at) FROM holds
          WHERE NOT tenant_closed AND draws_on_tenant AND tenant_id IS NOT NULL AND expires_at < $1
            AND terms_ms > 0
          GROUP BY 2 ORDER BY 3 LIMIT $2)) AS due
      ORDER BY first LIMIT $2
      """, [.instant(before), .int(Int64(limit))])
    return try rows.map { row throws(StoreError) in
      let id = try row.need("id", PostgresRow.string)
      return row.string("kind") == "tenant" ? .tenant(id) : .user(id)
    }
  }

  package func raiseEpoch(from epoch: Int64) async throws(StoreError) -> Int64 {
    let rows = try await pool.query(
      "UPDATE counter_epoch SET epoch = epoch + 1, raised_at = now() WHERE epoch = $1 RETURNING epoch",
      [.int(epoch)])
    // Another gate has raised it already.
    guard let row = rows.first else { return try await self.epoch() }
    return try row.need("epoch", PostgresRow.int)
  }

  package func epoch() async throws(StoreError) -> Int64 {
    let rows = try await pool.query("SELECT epoch FROM counter_epoch")
    guard let row = rows.first else { throw .internalError("counter_epoch is empty") }
    return try row.need("epoch", PostgresRow.int)
  }

  /// Month by month: entries far apart must not make partitions for all the time between.
  private func makePartitions(for entries: [LedgerEntry]) async throws(StoreError) {
    let days = Set(entries.map { $0.id.milliseconds / 86_400_000 * 86_400_000 })
    _ = try await pool.query(
      """
      SELECT ledger_make_partitions(month, month) FROM (
        SELECT DISTINCT date_trunc('month', to_timestamp(ms / 1000.0), 'UTC') AS month
        FROM unnest($1::bigint[]) AS ms ORDER BY 1) AS months
      """, [.intArray(days.sorted())])
  }
}
