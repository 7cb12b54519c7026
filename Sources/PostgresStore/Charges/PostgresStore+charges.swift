package import Gate

extension PostgresStore: ChargeStore {
  package func principals(users: [String]) async throws(StoreError) -> [Principal?] {
    var principals = [Principal?](repeating: nil, count: users.count)
    guard !users.isEmpty else { return principals }
    let rows = try await pool.query(
      """
      SELECT asked.position, \(Self.principalColumns)
      FROM unnest($1::text[]) WITH ORDINALITY AS asked (id, position)
      JOIN users u ON u.id = asked.id
      \(Self.principalJoins)
      """, [.textArray(users)])
    for index in 0..<rows.count {
      let row = rows[index]
      principals[Int(try row.need("position", PostgresRow.int)) - 1] = try Self.principal(row)
    }
    return principals
  }

  package func record(_ charges: [DegradedCharge]) async throws(StoreError) -> [DegradedCharge?] {
    guard !charges.isEmpty else { return [] }
    let rows = try await pool.query(Self.recording, Self.parameters(charges))
    let recorded = Set(
      try rows.map { row throws(StoreError) in try row.need("operation_id", PostgresRow.string) })
    var earlier: [DegradedCharge?] = []
    for charge in charges {
      guard !recorded.contains(charge.operation) else {
        earlier.append(nil)
        continue
      }
      // The one that has the key may have been written while that statement ran, out of its sight.
      guard let key = charge.idempotencyKey,
        let first = try await self.charge(user: charge.user, idempotencyKey: key)
      else { throw .unavailable("a charge was neither recorded nor found") }
      earlier.append(first)
    }
    return earlier
  }

  /// In the order of the keys, so that two gates with the same ones wait for each other instead of dying in a
  /// deadlock.
  private static let recording = """
    INSERT INTO degraded_charges (operation_id, gate, user_id, tenant_id, feature, kind, tokens, occurred_at,
      metadata, idempotency_key, fingerprint, hold_id, expires_at, on_expire, state, budget)
    SELECT operation_id, gate, user_id, tenant_id, feature, kind, tokens,
      to_timestamp(0) + occurred_ms * interval '1 millisecond', metadata, idempotency_key, fingerprint, hold_id,
      to_timestamp(0) + expires_ms * interval '1 millisecond', on_expire, state, budget::bigint[]
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
      $8::bigint[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[], $14::text[],
      $15::text[], $16::text[]) AS asked (operation_id, gate, user_id, tenant_id, feature, kind, tokens,
      occurred_ms, metadata, idempotency_key, fingerprint, hold_id, expires_ms, on_expire, state, budget)
    ORDER BY user_id, idempotency_key, operation_id
    ON CONFLICT DO NOTHING
    RETURNING operation_id
    """

  private static func parameters(_ charges: [DegradedCharge]) -> [PostgresValue] {
    [
      .textArray(charges.map(\.operation)), .textArray(charges.map(\.gate)), .textArray(charges.map(\.user)),
      .textArray(charges.map(\.tenant)), .textArray(charges.map(\.feature)),
      .textArray(charges.map(\.kind.rawValue)), .intArray(charges.map(\.tokens)),
      .intArray(charges.map { $0.occurredAt?.milliseconds }), .textArray(charges.map(\.metadata)),
      .textArray(charges.map(\.idempotencyKey)), .textArray(charges.map(\.fingerprint)),
      .textArray(charges.map(\.hold)), .intArray(charges.map { $0.expiresAt?.milliseconds }),
      .textArray(charges.map(\.onExpire.rawValue)), .textArray(charges.map(\.state.rawValue)),
      .textArray(charges.map { ChargeRow.text($0.budget) }),
    ]
  }

  package func charge(user: String, idempotencyKey: String) async throws(StoreError) -> DegradedCharge? {
    let rows = try await pool.query(
      "SELECT \(ChargeRow.columns) FROM degraded_charges c WHERE user_id = $1 AND idempotency_key = $2",
      [.text(user), .text(idempotencyKey)])
    guard let row = rows.first else { return nil }
    return try ChargeRow.read(row)
  }

  package func charge(hold: String) async throws(StoreError) -> DegradedCharge? {
    let rows = try await pool.query(
      "SELECT \(ChargeRow.columns) FROM degraded_charges c WHERE hold_id = $1", [.text(hold)])
    guard let row = rows.first else { return nil }
    return try ChargeRow.read(row)
  }

  package func withdraw(operations: [String]) async throws(StoreError) {
    _ = try await pool.query(
      "DELETE FROM degraded_charges WHERE operation_id = ANY($1) AND collected_at IS NULL",
      [.textArray(operations)])
  }

  package func resolve(
    hold: String, _ action: HoldResolution.Action, outcome: String?, metadata: String?, now: Instant
  ) async throws(StoreError) -> ChargeResolution {
    let changed: PostgresRows
    switch action {
    case .settle(let tokens):
      changed = try await close(hold, "settled", tokens, outcome: outcome, metadata: metadata, now: now)
    case .release:
      changed = try await close(hold, "released", 0, outcome: outcome, metadata: metadata, now: now)
    case .extend(let tokens, let seconds, let usedSoFar):
      changed = try await extend(hold, tokens: tokens, seconds: seconds, usedSoFar: usedSoFar, now: now)
    }
    if let row = changed.first {
      return .done(
        try ChargeRow.read(row), reserved: try row.need("reserved", PostgresRow.int), isRepeated: false)
    }
    guard let charge = try await charge(hold: hold) else { return .unknown }
    return Self.answer(charge, action, now: now)
  }

  /// What is answered when nothing was there to be changed.
  private static func answer(
    _ charge: DegradedCharge, _ action: HoldResolution.Action, now: Instant
  ) -> ChargeResolution {
    switch (charge.state, action) {
    case (.settled, .settle(let tokens)) where tokens == charge.settledTokens:
      return .done(charge, reserved: charge.tokens, isRepeated: true)
    case (.released, .release): return .done(charge, reserved: charge.tokens, isRepeated: true)
    case (.settled, _), (.released, _), (.expired, _): return .finalized(charge)
    case (.open, .extend) where !charge.isCollected:
      guard let expires = charge.expiresAt, expires <= now else { return .busy }
      var ended = charge
      ended.state = .expired
      ended.settledTokens = charge.owedAtExpiry
      return .finalized(ended)
    // The counters have it now, or too much time has passed.
    case (.open, _), (.final, _): return .unknown
    }
  }

  /// A settle may come up to a day after the expiry. Whoever is just handing the reservation over finds out, and
  /// settles it there.
  private func close(
    _ hold: String, _ state: String, _ tokens: Int64, outcome: String?, metadata: String?, now: Instant
  ) async throws(StoreError) -> PostgresRows {
    try await pool.query(
      """
      UPDATE degraded_charges AS c SET state = $2, settled_tokens = $3, outcome = $4,
        metadata = coalesce($5, c.metadata)
      WHERE hold_id = $1 AND state = 'open' AND collected_at IS NULL
        AND expires_at > $6 - \(Limits.lateSettleSeconds) * interval '1 second'
      RETURNING \(ChargeRow.columns), c.tokens AS reserved
      """,
      [
        .text(hold), .text(state), .int(tokens), .text(orNull: outcome), .text(orNull: metadata),
        .instant(now),
      ])
  }

  /// A reservation is never less than what was used of it. Not while a collector has it: the counters would get
  /// another amount than is answered here.
  private func extend(
    _ hold: String, tokens: Int64?, seconds: Int64?, usedSoFar: Int64?, now: Instant
  ) async throws(StoreError) -> PostgresRows {
    try await pool.query(
      """
      UPDATE degraded_charges AS c SET
        tokens = greatest(coalesce($2, c.tokens), c.reported_tokens, $5),
        reported_tokens = greatest(c.reported_tokens, $5),
        expires_at = coalesce($4 + $3 * interval '1 second', c.expires_at)
      FROM (SELECT operation_id, tokens AS reserved FROM degraded_charges WHERE hold_id = $1 FOR UPDATE) AS was
      WHERE c.operation_id = was.operation_id AND state = 'open' AND collected_at IS NULL
        AND expires_at > $4 AND next_attempt_at <= clock_timestamp()
      RETURNING \(ChargeRow.columns), was.reserved
      """, [.text(hold), .int(orNull: tokens), .int(orNull: seconds), .instant(now), .int(orNull: usedSoFar)])
  }
}
