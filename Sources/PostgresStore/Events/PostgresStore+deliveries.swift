package import Gate

extension PostgresStore: EventDeliveryStore {
  package func registerTargets(_ targets: [EventTarget]) async throws(StoreError) {
    // In the order of the names, for gates may start at once.
    for target in targets.sorted(by: { $0.name < $1.name }) {
      _ = try await pool.query(
        """
        INSERT INTO event_targets (name, types) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET types = excluded.types, seen_at = now(), paused_at = NULL
        """, [.text(target.name), .textArray(target.types)])
    }
  }

  package func keepTargets(_ names: [String]) async throws(StoreError) {
    _ = try await pool.query(
      """
      UPDATE event_targets SET seen_at = now() WHERE name IN (
        SELECT name FROM event_targets WHERE name = ANY ($1) ORDER BY name FOR NO KEY UPDATE)
      """, [.textArray(names)])
  }

  package func pauseTarget(_ name: String) async throws(StoreError) {
    _ = try await pool.query(
      "UPDATE event_targets SET paused_at = now() WHERE name = $1 AND paused_at IS NULL", [.text(name)])
  }

  package func claimDeliveries(
    to target: String, limit: Int, now: Instant, leaseMilliseconds: Int64
  ) async throws(StoreError) -> [EventClaim] {
    let rows = try await pool.query(
      """
      WITH due AS (
        SELECT event_number FROM event_deliveries
        WHERE target = $1 AND status = 'pending' AND next_attempt_at <= $2
          AND (leased_until IS NULL OR leased_until <= $2)
          AND EXISTS (SELECT FROM event_targets WHERE name = $1 AND paused_at IS NULL)
        ORDER BY next_attempt_at, event_number LIMIT $4 FOR UPDATE SKIP LOCKED),
      taken AS (
        UPDATE event_deliveries AS d SET claim = nextval('event_claims'), leased_until = $3,
          attempts = d.attempts + 1, last_attempt_at = $2
        FROM due WHERE (d.event_number, d.target) = (due.event_number, $1)
        RETURNING d.event_number, d.claim, d.attempts)
      SELECT t.event_number, t.claim, t.attempts, e.id, e.type, e.data, e.occurred_at
      FROM taken AS t JOIN events AS e ON e.number = t.event_number ORDER BY e.number
      """,
      [
        .text(target), .instant(now), .instant(Instant(milliseconds: now.milliseconds + leaseMilliseconds)),
        .int(Int64(limit)),
      ])
    return try rows.map { row throws(StoreError) in
      EventClaim(
        number: try row.need("claim", PostgresRow.int), event: try row.need("event_number", PostgresRow.int),
        target: target, attempt: try row.need("attempts", PostgresRow.int),
        id: try row.need("id", PostgresRow.string), type: try row.need("type", PostgresRow.string),
        data: try row.need("data", PostgresRow.string),
        occurredAt: try row.need("occurred_at", PostgresRow.instant))
    }
  }

  package func finish(
    _ claim: EventClaim, _ end: EventAttemptEnd, now: Instant
  ) async throws(StoreError) -> Bool {
    let change: String
    let values: [PostgresValue]
    switch end {
    case .delivered(let status):
      change = "status = 'delivered', delivered_at = $4, last_status = $5, last_error = NULL"
      values = [.instant(now), .int(status)]
    case .retry(let next, let status, let error):
      change = "next_attempt_at = $4, last_status = $5, last_error = $6"
      values = [.instant(next), .int(orNull: status), .text(error)]
    case .failed(let status, let error):
      change = "status = 'failed', last_status = $4, last_error = $5"
      values = [.int(orNull: status), .text(error)]
    case .abandoned:
      change = "attempts = attempts - 1"
      values = []
    }
    let rows = try await pool.query(
      """
      UPDATE event_deliveries SET claim = NULL, leased_until = NULL, \(change)
      WHERE event_number = $1 AND target = $2 AND claim = $3 RETURNING event_number
      """, [.int(claim.event), .text(claim.target), .int(claim.number)] + values)
    return rows.count == 1
  }

  package func eventBacklog(of targets: [String]) async throws(StoreError) -> [EventBacklog] {
    let rows = try await pool.query(
      """
      SELECT name, pending, oldest_since,
        EXISTS (SELECT FROM event_targets t WHERE t.name = n.name AND t.paused_at IS NOT NULL) AS is_paused
      FROM unnest($1::text[]) WITH ORDINALITY AS n (name, place), LATERAL (
        SELECT count(*) AS pending, min(pending_since) AS oldest_since
        FROM event_deliveries WHERE target = n.name AND status = 'pending') AS waiting
      ORDER BY place
      """, [.textArray(targets)])
    return try rows.map { row throws(StoreError) in
      EventBacklog(
        target: try row.need("name", PostgresRow.string), pending: try row.need("pending", PostgresRow.int),
        oldestSince: row.instant("oldest_since"), isPaused: row.bool("is_paused") ?? false)
    }
  }

  /// Forgets targets that no gate has named for a day, gives up what still waited for them, and drops events
  /// that are older than `keepDays` and wait for nothing. An event whose like may still come (its period goes
  /// on) stays: its row is what keeps it one. To be called about once an hour by any number of gates.
  package func pruneEvents(keepDays: Int64) async throws(StoreError) {
    _ = try await pool.query("DELETE FROM event_targets WHERE seen_at < now() - interval '1 day'")
    _ = try await pool.query(
      """
      UPDATE event_deliveries AS d SET status = 'failed', claim = NULL, leased_until = NULL,
        last_error = 'no gate has this target any more'
      WHERE status = 'pending' AND pending_since < now() - interval '1 day'
        AND NOT EXISTS (SELECT FROM event_targets t WHERE t.name = d.target)
      """)
    // By the thousand, so that the first time after long doesn't outlast a statement's time.
    while try await pool.query(
      """
      DELETE FROM events WHERE number IN (
        SELECT number FROM events AS e
        WHERE greatest(created_at, unique_until) < now() - $1 * interval '1 day' AND NOT EXISTS (
          SELECT FROM event_deliveries d WHERE d.event_number = e.number AND d.status = 'pending')
        ORDER BY number LIMIT 1000 FOR UPDATE SKIP LOCKED)
      """, [.int(keepDays)]
    ).affected == 1000 {}
  }
}
