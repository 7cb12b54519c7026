import Gate

/// One transaction of ``PostgresBillingStore``.
struct PostgresBillingTransaction: BillingTransaction {
  let transaction: PostgresTransaction

  func claim(_ event: WebhookReceipt) async throws(StoreError) -> WebhookClaim {
    let about = event.about
    let inserted = try await transaction.query(
      """
      INSERT INTO webhook_events_processed (event_id, type, received_at, payload, attempts, object_id,
        stripe_customer_id, api_version, livemode, created)
      VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9) ON CONFLICT (event_id) DO NOTHING RETURNING event_id
      """,
      [
        .text(event.id), .text(event.type), .instant(event.receivedAt),
        .bytes(Array(event.payload.utf8)), .text(orNull: about.object), .text(orNull: about.customer),
        .text(orNull: about.apiVersion), about.isLive.map { .bool($0) } ?? .null,
        .instant(orNull: about.createdAt),
      ])
    if inserted.count > 0 { return .claimed }
    // It is there already, committed: the insert waited for whoever was at it.
    let taken = try await transaction.query(
      """
      UPDATE webhook_events_processed SET attempts = attempts + 1, status = 'failed'
      WHERE event_id = $1 AND status IN ('failed', 'unmatched') RETURNING event_id
      """, [.text(event.id)])
    if taken.count > 0 { return .claimed }
    let done = try await transaction.query(
      "SELECT accounts FROM webhook_events_processed WHERE event_id = $1", [.text(event.id)])
    let accounts = done.first?.textArray("accounts") ?? []
    return .done(accounts: accounts.compactMap { $0.flatMap { AccountID($0) } })
  }

  func lock(_ names: [String]) async throws(StoreError) {
    // Who locks applies the outbox itself before it answers: nobody needs to be notified.
    _ = try await transaction.query(
      """
      SELECT set_config('tollgate.announce', 'outbox', true),
        pg_advisory_xact_lock(hashtextextended('tollgate.' || name, 0))
      FROM unnest($1::text[]) AS name
      """, [.textArray(Set(names).sorted())])
  }

  func finish(
    event id: String, _ outcome: WebhookOutcome, _ trail: WebhookTrail
  ) async throws(StoreError) {
    _ = try await transaction.query(
      """
      UPDATE webhook_events_processed SET status = $2, detail = $3, processed_at = clock_timestamp(),
        accounts = $4, waits_for = $5
      WHERE event_id = $1
      """,
      [
        .text(id), .text(outcome.status), .text(orNull: outcome.detail),
        .textArray(trail.accounts.map(\.description)),
        trail.waitsFor.isEmpty ? .null : .textArray(trail.waitsFor),
      ])
  }
}

extension AccountID {
  /// `user:u1`, as ``description`` writes it. Ids may have colons.
  init?(_ text: String) {
    guard let colon = text.firstIndex(of: ":"), let kind = Kind(rawValue: String(text[..<colon])) else {
      return nil
    }
    self.init(kind, String(text[text.index(after: colon)...]))
  }
}
