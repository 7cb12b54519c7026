package import Gate

/// Billing's side of Postgres: Stripe's events and what they change.
package struct PostgresBillingStore: BillingStore {
  let pool: PostgresPool

  /// Works on this pool, whose schema is migrated.
  package init(pool: PostgresPool) { self.pool = pool }

  /// See ``BillingStore/transaction(_:)``.
  package func transaction<Result: Sendable>(
    _ body: @Sendable (any BillingTransaction) async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    try await pool.transaction { (transaction) async throws(StoreError) -> Result in
      try await body(PostgresBillingTransaction(transaction: transaction))
    }
  }

  /// See ``BillingStore/recordFailure(_:detail:)``.
  package func recordFailure(_ event: WebhookReceipt, detail: String) async throws(StoreError) {
    _ = try await pool.query(
      """
      INSERT INTO webhook_events_processed AS stored
        (event_id, type, status, received_at, attempts, detail, payload, object_id, stripe_customer_id)
      VALUES ($1, $2, 'failed', $3, 1, $4, $5, $6, $7)
      ON CONFLICT (event_id) DO UPDATE
      SET attempts = stored.attempts + 1,
        detail = CASE stored.status WHEN 'failed' THEN excluded.detail ELSE stored.detail END
      WHERE stored.status IN ('failed', 'unmatched')
      """,
      [
        .text(event.id), .text(event.type), .instant(event.receivedAt), .text(detail),
        .bytes(Array(event.payload.utf8)), .text(orNull: event.about.object),
        .text(orNull: event.about.customer),
      ])
  }

  /// See ``BillingStore/receipt(_:)``.
  package func receipt(_ id: String) async throws(StoreError) -> WebhookReceipt? {
    let rows = try await pool.query(
      "SELECT event_id, type, payload, received_at FROM webhook_events_processed WHERE event_id = $1",
      [.text(id)])
    return try rows.map(PostgresBillingStore.receipt).first
  }

  /// See ``BillingStore/seedPrices(_:)``.
  package func seedPrices(_ plans: [String: String]) async throws(StoreError) {
    guard !plans.isEmpty else { return }
    let prices = plans.keys.sorted()
    _ = try await pool.query(
      """
      INSERT INTO plan_price_map (price_id, plan) SELECT * FROM unnest($1::text[], $2::text[])
      ON CONFLICT (price_id) DO NOTHING
      """, [.textArray(prices), .textArray(prices.map { plans[$0] })])
  }

  /// See ``BillingStore/pricePlans()``.
  package func pricePlans() async throws(StoreError) -> [String: String] {
    let rows = try await pool.query("SELECT price_id, plan FROM plan_price_map ORDER BY price_id LIMIT 1000")
    var plans: [String: String] = [:]
    for row in 0..<rows.count { plans[rows.string(row, 0) ?? ""] = rows.string(row, 1) }
    return plans
  }

  static func receipt(_ row: PostgresRow) throws(StoreError) -> WebhookReceipt {
    WebhookReceipt(
      id: row.string("event_id") ?? "", type: row.string("type") ?? "",
      payload: String(decoding: row.bytes("payload") ?? [], as: UTF8.self),
      receivedAt: row.instant("received_at") ?? Instant(milliseconds: 0))
  }
}
