package import Gate

extension PostgresStore {
  private static let grantColumns = """
    g.series, g.number, g.kind, g.tokens, g.used, g.period_start, g.period_end, g.expires_at, g.priority,
    g.source, g.source_reference, g.created_at,
    to_jsonb(g) - '{booked_at,defined_epoch,defined_ms,defined_seq}'::text[] AS record,
    to_jsonb(g) - '{booked_at,defined_epoch,defined_ms,defined_seq,revoked_at}'::text[] AS before
    """
  private static let isLive = "g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > now())"

  /// Throws `conflict` when the account has ``Limits/liveGrantsMax`` grants that are live and not used up.
  package func addGrant(
    to account: AccountID, _ grant: NewGrant, actor: String
  ) async throws(StoreError) -> Grant {
    try Check.tokens(grant.tokens)
    guard (0...1_000_000).contains(grant.priority) else {
      throw .invalid(field: "priority", message: "must be 0 to 1,000,000")
    }
    return try await pool.transaction { (transaction) async throws(StoreError) -> Grant in
      try await transaction.lock(account)
      if let key = grant.idempotencyKey {
        let known = try await transaction.query(
          """
          SELECT \(Self.grantColumns) FROM grants g
          WHERE account_kind = $1 AND account_id = $2 AND idempotency_key = $3
          """, account.parameters + [.text(key)])
        if let row = known.first { return try Self.storedGrant(row) }
      }
      try await Self.refuseTooMany(account, transaction)
      let rows = try await transaction.query(
        """
        INSERT INTO grants AS g (account_kind, account_id, kind, tokens, expires_at, priority, reason, source,
          source_reference, idempotency_key)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING \(Self.grantColumns)
        """,
        account.parameters + [
          .text(grant.kind.rawValue), .int(grant.tokens), .instant(orNull: grant.expiresAt),
          .int(grant.priority), .text(orNull: grant.reason), .text(grant.source),
          .text(orNull: grant.sourceReference), .text(orNull: grant.idempotencyKey),
        ])
      try await transaction.audit(
        actor, "grant.add", account.description, after: rows[0].string("record"), reason: grant.reason)
      return try Self.storedGrant(rows[0])
    }
  }

  package func revokeGrant(
    _ reference: Grant.Reference, of account: AccountID, actor: String
  ) async throws(StoreError) -> Bool {
    guard reference.series == .granted else {
      throw .conflict("this grant comes from the plan's calendar; reset the budget instead")
    }
    return try await pool.transaction { (transaction) async throws(StoreError) -> Bool in
      try await transaction.lock(account)
      let rows = try await transaction.query(
        """
        UPDATE grants g SET revoked_at = now()
        WHERE account_kind = $1 AND account_id = $2 AND series = $3 AND number = $4 AND \(Self.isLive)
        RETURNING \(Self.grantColumns)
        """, account.parameters + [.text(reference.series.rawValue), .int(reference.number)])
      guard let row = rows.first else { return false }
      try await transaction.audit(
        actor, "grant.revoke", account.description, before: row.string("before"),
        after: row.string("record"))
      return true
    }
  }

  /// Live period grants are revoked; what was used of them stays in the books.
  package func resetPeriod(
    of account: AccountID, tokens: Int64, start: Instant, end: Instant?, reason: String, actor: String
  ) async throws(StoreError) -> Grant {
    try Check.tokens(tokens)
    if let end, end <= start { throw .invalid(field: "end", message: "must be after the start") }
    return try await pool.transaction { (transaction) async throws(StoreError) -> Grant in
      try await transaction.lock(account)
      let ended = try await transaction.query(
        """
        WITH ended AS (
          UPDATE grants g SET revoked_at = now()
          WHERE account_kind = $1 AND account_id = $2 AND kind = 'period' AND \(Self.isLive)
          RETURNING \(Self.grantColumns))
        SELECT jsonb_build_object('grants', coalesce(jsonb_agg(before), '[]')) AS record FROM ended
        """, account.parameters)
      let rows = try await transaction.query(
        """
        INSERT INTO grants AS g (account_kind, account_id, kind, tokens, period_start, period_end, expires_at,
          reason, source)
        VALUES ($1, $2, 'period', $3, $4, $5, $5, $6, 'admin') RETURNING \(Self.grantColumns)
        """,
        account.parameters + [.int(tokens), .instant(start), .instant(orNull: end), .text(reason)])
      try await transaction.audit(
        actor, "budget.reset", account.description, before: ended.first?.string("record"),
        after: rows[0].string("record"), reason: reason)
      return try Self.storedGrant(rows[0])
    }
  }

  private static func refuseTooMany(
    _ account: AccountID, _ transaction: PostgresTransaction
  ) async throws(StoreError) {
    let rows = try await transaction.query(
      """
      SELECT count(*) AS live FROM grants g
      WHERE account_kind = $1 AND account_id = $2 AND \(Self.isLive) AND g.used < g.tokens
      """, account.parameters)
    if rows.int(0, "live") ?? 0 >= Int64(Limits.liveGrantsMax) {
      throw .conflict("the account has \(Limits.liveGrantsMax) live grants, which is the most it may have")
    }
  }

  private static func storedGrant(_ row: PostgresRow) throws(StoreError) -> Grant {
    guard let series = row.string("series").flatMap({ Grant.Reference.Series(rawValue: $0) }),
      let kind = row.string("kind").flatMap({ Grant.Kind(rawValue: $0) })
    else { throw .internalError("a grant's series or kind is unreadable") }
    return Grant(
      reference: Grant.Reference(series, try row.need("number", PostgresRow.int)), kind: kind,
      tokens: try row.need("tokens", PostgresRow.int), used: try row.need("used", PostgresRow.int),
      periodStart: row.instant("period_start"), periodEnd: row.instant("period_end"),
      expiresAt: row.instant("expires_at"), priority: try row.need("priority", PostgresRow.int),
      source: try row.need("source", PostgresRow.string), sourceReference: row.string("source_reference"),
      createdAt: try row.need("created_at", PostgresRow.instant))
  }
}

extension AccountID {
  var parameters: [PostgresValue] { [.text(kind.rawValue), .text(id)] }
}
