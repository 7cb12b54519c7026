package import Gate

extension PostgresStore {
  private static let limitColumns = """
    \(overrideText) AS text, o.reason, o.created_at, o.updated_at, to_jsonb(o) AS record
    """

  package func limitOverrides(user: String) async throws(StoreError) -> [LimitOverrideRecord] {
    let rows = try await pool.query(
      """
      SELECT \(Self.limitColumns) FROM limit_overrides o WHERE o.user_id = $1
      ORDER BY o.feature, o.limit_name
      """, [.text(user)])
    return try rows.map(Self.limitRecord)
  }

  package func putLimitOverride(
    _ override: LimitOverride, user: String, reason: String?, actor: String
  ) async throws(StoreError) -> LimitOverrideRecord {
    if let problem = override.problem { throw .invalid(field: problem.field, message: problem.message) }
    if let feature = override.feature { try Check.identifier(feature, "feature") }
    let key: [PostgresValue] = [
      .text(user), .text(override.feature ?? ""), .text(override.limit.rawValue),
    ]
    return try await pool.transaction { (transaction) async throws(StoreError) -> LimitOverrideRecord in
      try await transaction.lock(.user(user))
      let before = try await transaction.query(
        """
        SELECT to_jsonb(o) AS record FROM limit_overrides o
        WHERE user_id = $1 AND feature = $2 AND limit_name = $3
        """, key)
      let rows = try await transaction.query(
        """
        INSERT INTO limit_overrides AS o (user_id, feature, limit_name, count, window_s, burst, amount,
          unlimited, expires_at, reason)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (user_id, feature, limit_name) DO UPDATE SET
          count = excluded.count, window_s = excluded.window_s, burst = excluded.burst,
          amount = excluded.amount, unlimited = excluded.unlimited, expires_at = excluded.expires_at,
          reason = excluded.reason, updated_at = now()
        RETURNING \(Self.limitColumns)
        """, key + override.valueParameters + [.instant(orNull: override.expiresAt), .text(orNull: reason)])
      try await transaction.audit(
        actor, "limit.put", "user:\(user)", before: before.first?.string("record"),
        after: rows[0].string("record"), reason: reason)
      return try Self.limitRecord(rows[0])
    }
  }

  package func removeLimitOverride(
    _ limit: LimitOverride.Limit, feature: String?, user: String, actor: String
  ) async throws(StoreError) -> Bool {
    try await pool.transaction { (transaction) async throws(StoreError) -> Bool in
      let rows = try await transaction.query(
        """
        DELETE FROM limit_overrides o WHERE user_id = $1 AND feature = $2 AND limit_name = $3
        RETURNING to_jsonb(o) AS record
        """, [.text(user), .text(feature ?? ""), .text(limit.rawValue)])
      guard let row = rows.first else { return false }
      try await transaction.audit(actor, "limit.remove", "user:\(user)", before: row.string("record"))
      return true
    }
  }

  private static func limitRecord(_ row: PostgresRow) throws(StoreError) -> LimitOverrideRecord {
    guard let override = row.string("text").flatMap({ LimitOverride(storedText: $0) }) else {
      throw .internalError("a limit override is unreadable")
    }
    return LimitOverrideRecord(
      override: override, reason: row.string("reason"),
      createdAt: try row.need("created_at", PostgresRow.instant),
      updatedAt: try row.need("updated_at", PostgresRow.instant))
  }
}

extension LimitOverride {
  /// Count, window, burst, amount, and whether it is unlimited.
  fileprivate var valueParameters: [PostgresValue] {
    switch value {
    case .unlimited: [.null, .null, .null, .null, .bool(true)]
    case .window(let window):
      [.int(window.count), .int(window.windowSeconds), .int(window.burst), .null, .bool(false)]
    case .amount(let amount): [.null, .null, .null, .int(amount), .bool(false)]
    }
  }
}
