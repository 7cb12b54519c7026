import Gate

/// One transaction of ``PostgresBillingStore``.
struct PostgresBillingTransaction: BillingTransaction {
  let transaction: PostgresTransaction

  func claim(_ event: WebhookReceipt) async throws(StoreError) -> WebhookClaim {
    let inserted = try await transaction.query(
      """
      INSERT INTO webhook_events_processed (event_id, type, received_at, payload, attempts)
      VALUES ($1, $2, $3, $4, 1) ON CONFLICT (event_id) DO NOTHING RETURNING event_id
      """,
      [
        .text(event.id), .text(event.type), .instant(event.receivedAt),
        .bytes(Array(event.payload.utf8)),
      ])
    if inserted.count > 0 { return .claimed }
    // It is there already, committed: the insert waited for whoever was at it.
    let taken = try await transaction.query(
      """
      UPDATE webhook_events_processed SET attempts = attempts + 1
      WHERE event_id = $1 AND status IN ('failed', 'unmatched') RETURNING event_id
      """, [.text(event.id)])
    return taken.count > 0 ? .claimed : .done
  }

  func lock(_ names: [String]) async throws(StoreError) {
    for name in Set(names).sorted() {
      _ = try await transaction.query(
        "SELECT pg_advisory_xact_lock(hashtextextended('tollgate.' || $1::text, 0))", [.text(name)])
    }
  }

  func finish(event id: String, _ outcome: WebhookOutcome) async throws(StoreError) {
    _ = try await transaction.query(
      """
      UPDATE webhook_events_processed SET status = $2, detail = $3, processed_at = clock_timestamp()
      WHERE event_id = $1
      """, [.text(id), .text(outcome.status), .text(orNull: outcome.detail)])
  }
}
