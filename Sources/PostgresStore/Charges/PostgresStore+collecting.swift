package import Gate

extension PostgresStore: ChargeCollecting {
  package func claimCharges(
    limit: Int, leaseMilliseconds: Int64
  ) async throws(StoreError) -> [DegradedCharge] {
    let rows = try await pool.query(
      """
      WITH due AS MATERIALIZED (
        SELECT operation_id FROM degraded_charges
        WHERE collected_at IS NULL AND next_attempt_at <= now()
        ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED)
      UPDATE degraded_charges AS c
      SET next_attempt_at = clock_timestamp() + $2 * interval '1 millisecond'
      FROM due WHERE c.operation_id = due.operation_id
      RETURNING \(ChargeRow.columns)
      """, [.int(Int64(limit)), .int(leaseMilliseconds)])
    return try rows.map(ChargeRow.read)
  }

  package func bookedKinds(
    operations: [String]
  ) async throws(StoreError) -> [String: LedgerEntry.Kind] {
    let rows = try await pool.query(
      "SELECT operation_id, kind FROM ledger WHERE operation_id = ANY($1)", [.textArray(operations)])
    var kinds: [String: LedgerEntry.Kind] = [:]
    for index in 0..<rows.count {
      let kind = rows[index].string("kind").flatMap { LedgerEntry.Kind(rawValue: $0) }
      kinds[try rows[index].need("operation_id", PostgresRow.string)] = kind
    }
    return kinds
  }

  package func markCollected(_ charges: [DegradedCharge]) async throws(StoreError) {
    guard !charges.isEmpty else { return }
    _ = try await pool.query(
      """
      UPDATE degraded_charges AS c SET collected_at = now()
      FROM (SELECT * FROM unnest($1::text[], $2::text[]) AS a (operation_id, state) ORDER BY 1) AS done
      WHERE (c.operation_id, c.state) = (done.operation_id, done.state)
      """, [.textArray(charges.map(\.operation)), .textArray(charges.map(\.state.rawValue))])
  }

  package func expire(_ charge: DegradedCharge, owed: Int64) async throws(StoreError) {
    _ = try await pool.query(
      """
      UPDATE degraded_charges SET state = 'expired', settled_tokens = $2, next_attempt_at = now()
      WHERE operation_id = $1 AND state = 'open'
      """, [.text(charge.operation), .int(owed)])
  }

  package func postpone(_ charges: [DegradedCharge], milliseconds: Int64) async throws(StoreError) {
    guard !charges.isEmpty else { return }
    _ = try await pool.query(
      """
      UPDATE degraded_charges SET next_attempt_at = clock_timestamp() + $2 * interval '1 millisecond'
      WHERE operation_id = ANY($1)
      """, [.textArray(charges.map(\.operation)), .int(milliseconds)])
  }

  package func usersOwing(gate: String) async throws(StoreError) -> [String] {
    let rows = try await pool.query(
      "SELECT DISTINCT user_id FROM degraded_charges WHERE gate = $1 AND collected_at IS NULL",
      [.text(gate)])
    return try rows.map { row throws(StoreError) in try row.need("user_id", PostgresRow.string) }
  }

  package func chargeBacklog() async throws(StoreError) -> (count: Int64, oldest: Instant?) {
    let rows = try await pool.query(
      "SELECT count(*) AS waiting, min(at) AS oldest FROM degraded_charges WHERE collected_at IS NULL")
    return (rows.first?.int("waiting") ?? 0, rows.first?.instant("oldest"))
  }
}
