package import Gate

extension PostgresStore: OutboxStore {
  package func pendingOutbox(limit: Int) async throws(StoreError) -> [OutboxRow] {
    let rows = try await pool.query(
      """
      SELECT id, account_kind, account_id FROM outbox WHERE applied_at IS NULL ORDER BY id LIMIT $1
      """, [.int(Int64(limit))])
    return try rows.map(Self.outboxRow)
  }

  package func pendingOutbox(accounts: [AccountID]) async throws(StoreError) -> [OutboxRow] {
    let rows = try await pool.query(
      """
      SELECT id, account_kind, account_id FROM unnest($1::text[], $2::text[]) AS account (kind, name)
      JOIN outbox ON account_kind = kind AND account_id = name WHERE applied_at IS NULL ORDER BY id
      """, [.textArray(accounts.map(\.kind.rawValue)), .textArray(accounts.map(\.id))])
    return try rows.map(Self.outboxRow)
  }

  package func markApplied(_ ids: [Int64]) async throws(StoreError) {
    guard !ids.isEmpty else { return }
    // In the order of the ids, since several gates mark the same rows. Nobody waits for the disk: a mark that is
    // lost in a crash has the row applied once more, which changes nothing.
    _ = try await pool.query(
      """
      WITH hurry AS (SELECT set_config('synchronous_commit', 'off', true) AS is_off)
      UPDATE outbox SET applied_at = now() WHERE id IN (
        SELECT id FROM outbox WHERE id = ANY($1) AND applied_at IS NULL ORDER BY id FOR NO KEY UPDATE)
        AND (SELECT is_off FROM hurry) = 'off'
      """, [.intArray(ids)])
  }

  private static func outboxRow(_ row: PostgresRow) throws(StoreError) -> OutboxRow {
    guard let kind = row.string("account_kind").flatMap({ AccountID.Kind(rawValue: $0) }) else {
      throw .internalError("an outbox row's kind is unreadable")
    }
    return OutboxRow(
      id: try row.need("id", PostgresRow.int),
      account: AccountID(kind, try row.need("account_id", PostgresRow.string)))
  }
}
