import Gate

/// One transaction of ``PostgresBillingStore``.
struct PostgresBillingTransaction: BillingTransaction {
  let transaction: PostgresTransaction

  func claim(_ eventIDs: [String], locks: [String]) async throws(StoreError) -> [WebhookClaim] {
    try await lock(eventIDs.map { "event:\($0)" } + locks)
    // A statement of its own: it sees what was committed by whoever held the locks.
    let stored = try await transaction.query(
      """
      SELECT event_id, status, accounts FROM unnest($1::text[]) AS wanted (id) CROSS JOIN LATERAL (
        SELECT * FROM webhook_events_processed WHERE event_id = id LIMIT 1) AS stored
      """, [.textArray(eventIDs)])
    var done: [String: [AccountID]] = [:]
    var waiting: [String] = []
    for row in 0..<stored.count {
      guard let id = stored.string(row, 0) else { continue }
      switch stored.string(row, 1) {
      case "processed", "ignored":
        done[id] = (stored.textArray(row, "accounts") ?? []).compactMap { $0.flatMap { AccountID($0) } }
      case "unmatched": waiting.append(id)
      default: break
      }
    }
    if !waiting.isEmpty {
      // What it makes known is no clue to itself.
      _ = try await transaction.query(
        "UPDATE webhook_events_processed SET status = 'failed' WHERE event_id = ANY ($1)",
        [.textArray(waiting)])
    }
    return eventIDs.map { id in done[id].map { .done(accounts: $0) } ?? .claimed }
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

  func finish(_ ends: [WebhookEnd]) async throws(StoreError) {
    guard !ends.isEmpty else { return }
    let stored = try await transaction.query(
      """
      INSERT INTO webhook_events_processed AS stored (event_id, type, status, received_at, processed_at, attempts,
        detail, payload, object_id, stripe_customer_id, api_version, livemode, created, accounts, waits_for)
      SELECT id, type, status, received_at, clock_timestamp(), 1, detail, payload, object, customer,
        api_version, livemode, created, accounts::text[], waits_for::text[]
      FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::bytea[], $7::text[],
        $8::text[], $9::text[], $10::boolean[], $11::timestamptz[], $12::text[], $13::text[]) AS event (id, type,
        status, received_at, detail, payload, object, customer, api_version, livemode, created, accounts,
        waits_for)
      ON CONFLICT (event_id) DO UPDATE SET status = excluded.status, processed_at = excluded.processed_at,
        attempts = stored.attempts + 1, detail = excluded.detail, accounts = excluded.accounts,
        waits_for = excluded.waits_for
      WHERE stored.status IN ('failed', 'unmatched')
      """, PostgresValue.columns(ends.map(Self.values)))
    guard stored.affected == ends.count else { throw .conflict("another has done it meanwhile") }
  }

  private static func values(_ end: WebhookEnd) -> [PostgresValue] {
    let (receipt, trail) = (end.receipt, end.trail)
    let about = receipt.about
    return [
      .text(receipt.id), .text(receipt.type), .text(end.outcome.status), .instant(receipt.receivedAt),
      .text(orNull: end.outcome.detail), .bytes(Array(receipt.payload.utf8)), .text(orNull: about.object),
      .text(orNull: about.customer), .text(orNull: about.apiVersion), about.isLive.map { .bool($0) } ?? .null,
      .instant(orNull: about.createdAt), .textArray(trail.accounts.map(\.description)),
      trail.waitsFor.isEmpty ? .null : .textArray(trail.waitsFor),
    ]
  }
}
