package import Gate

/// Events that wait, and events that nobody needs any more.
extension PostgresBillingStore {
  /// See ``BillingStore/keepUnmatched(_:detail:waitsFor:)``.
  package func keepUnmatched(
    _ receipt: WebhookReceipt, detail: String, waitsFor: [String]
  ) async throws(StoreError) {
    _ = try await pool.query(
      """
      INSERT INTO webhook_events_processed
        (event_id, type, status, received_at, processed_at, detail, payload, object_id, stripe_customer_id,
          waits_for)
      VALUES ($1, $2, 'unmatched', $3, $3, $4, $5, $6, $7, $8)
      ON CONFLICT (event_id) DO UPDATE
      SET status = 'unmatched', detail = excluded.detail, payload = excluded.payload,
        waits_for = excluded.waits_for
      """,
      [
        .text(receipt.id), .text(receipt.type), .instant(receipt.receivedAt), .text(detail),
        .bytes(Array(receipt.payload.utf8)), .text(orNull: receipt.about.object),
        .text(orNull: receipt.about.customer), .textArray(waitsFor),
      ])
  }

  /// See ``BillingStore/unmatched(waitingFor:limit:)``.
  package func unmatched(
    waitingFor texts: [String]?, limit: Int
  ) async throws(StoreError) -> [WebhookReceipt] {
    let rows = try await pool.query(
      """
      SELECT event_id, type, payload, received_at FROM webhook_events_processed
      WHERE status = 'unmatched' AND payload IS NOT NULL \(texts == nil ? "" : "AND waits_for && $2")
      ORDER BY attempts, received_at, event_id LIMIT $1
      """, [.int(Int64(limit))] + (texts.map { [.textArray($0)] } ?? []))
    return try rows.map(PostgresBillingStore.receipt)
  }

  /// See ``BillingStore/appearedClues(limit:)``.
  package func appearedClues(limit: Int) async throws(StoreError) -> [AppearedClue] {
    let rows = try await pool.query(
      "SELECT id, clue FROM webhook_clues ORDER BY id LIMIT $1", [.int(Int64(limit))])
    return try rows.map { (row) throws(StoreError) in
      AppearedClue(id: try row.need("id") { $0.int }, text: row.string("clue") ?? "")
    }
  }

  /// See ``BillingStore/forgetClues(_:)``.
  package func forgetClues(_ ids: [Int64]) async throws(StoreError) {
    guard !ids.isEmpty else { return }
    _ = try await pool.query("DELETE FROM webhook_clues WHERE id = ANY ($1)", [.intArray(ids)])
  }

  /// See ``BillingStore/pruneEvents(settledDays:openDays:)``.
  package func pruneEvents(settledDays: Int64, openDays: Int64) async throws(StoreError) -> Int64 {
    var dropped: Int64 = 0
    while true {
      // In parts: a statement has its time, and deliveries must not wait for one that deletes a month.
      let rows = try await pool.query(
        """
        WITH old AS (
          DELETE FROM webhook_events_processed WHERE event_id IN (
            SELECT event_id FROM webhook_events_processed
            WHERE received_at < now() - $2 * interval '1 day'
              OR (received_at < now() - $1 * interval '1 day' AND status IN ('processed', 'ignored'))
            ORDER BY received_at LIMIT \(Self.prunedPerStatement) FOR UPDATE SKIP LOCKED)
          RETURNING event_id)
        SELECT count(*) AS dropped FROM old
        """, [.int(settledDays), .int(openDays)])
      let count = rows.first?.int("dropped") ?? 0
      dropped += count
      if count < Self.prunedPerStatement { return dropped }
    }
  }

  private static let prunedPerStatement: Int64 = 5000

  /// See ``BillingStore/invoices(of:limit:)``.
  package func invoices(of account: AccountID, limit: Int) async throws(StoreError) -> [InvoiceSummary] {
    let rows = try await pool.query(
      """
      SELECT * FROM billing_invoices WHERE account_kind = $1 AND account_id = $2
      ORDER BY created_at DESC NULLS LAST, id LIMIT $3
      """, [.text(account.kind.rawValue), .text(account.id), .int(Int64(limit))])
    return try rows.map { (row) throws(StoreError) in
      InvoiceSummary(
        id: row.string("id"), number: row.string("number"), status: row.string("status"),
        currency: row.string("currency"), amountDue: row.int("amount_due") ?? 0,
        amountPaid: row.int("amount_paid") ?? 0, createdAt: row.instant("created_at"),
        periodStart: row.instant("period_start"), periodEnd: row.instant("period_end"),
        hostedURL: row.string("hosted_url"), pdfURL: row.string("pdf_url"))
    }
  }
}
