package import Gate

/// Derived rows made anew from the entries. Every change is by the difference that one snapshot shows, so that
/// bookings meanwhile are kept; and one reconciliation of an account goes after the other, so that no difference is
/// added twice.
extension PostgresStore {
  package func mend(_ account: AccountID, lost: [HoldRecord]) async throws(StoreError) {
    let side = account.kind.rawValue
    try await pool.transaction { (transaction) async throws(StoreError) in
      _ = try await transaction.query(
        """
        SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.reconcile'), hashtext($1 || ':' || $2))
        """, account.parameters)
      var statements = [MendingSQL.grants(side), MendingSQL.balance(side)]
      for span in ["hour", "day"] {
        statements += [MendingSQL.rollups(side, span), MendingSQL.emptyRollups(span)]
      }
      for statement in statements { _ = try await transaction.query(statement, account.parameters) }
      _ = try await transaction.query(MendingSQL.endedHolds(account.kind), [.text(account.id)])
      for hold in lost { try await restore(hold, of: account.kind, transaction) }
      _ = try await transaction.query(
        "SELECT refresh_account_budgets(ARRAY[$1::text], ARRAY[$2::text])", account.parameters)
    }
  }

  /// A hold that only Redis has, and whose entry the ledger has: its row is made again, or opened again.
  private func restore(
    _ hold: HoldRecord, of kind: AccountID.Kind, _ transaction: PostgresTransaction
  ) async throws(StoreError) {
    _ = try await transaction.query(
      MendingSQL.lostHold(kind),
      [
        .text(hold.id), .text(hold.user), .text(orNull: hold.tenant), .text(hold.feature), .int(hold.tokens),
        .instant(hold.expiresAt), .instant(hold.createdAt), .text(hold.onExpire.rawValue),
        .textArray(hold.userAllocations.map(\.grant.bookedName)),
        .intArray(hold.userAllocations.map(\.tokens)),
        .textArray(hold.tenantAllocations.map(\.grant.bookedName)),
        .intArray(hold.tenantAllocations.map(\.tokens)), .instant(orNull: hold.userPeriodStart),
        .instant(orNull: hold.tenantPeriodStart), .int(orNull: hold.reported), .bool(hold.takesFeatureSlot),
        .bool(hold.feedsEstimate),
      ])
  }

  package func record(_ findings: [AccountFinding], actor: String?) async throws(StoreError) {
    guard !findings.isEmpty else { return }
    let drifted = findings.filter { $0.state == .drifted }
    let mended = findings.filter { $0.state == .mended }
    let settled = findings.filter { $0.state != .drifted && $0.state != .unchecked }
    try await pool.transaction { (transaction) async throws(StoreError) in
      // In the order of the rows' keys: two that write the same ones wait for each other.
      for finding in drifted.sorted(by: { "\($0.account)" < "\($1.account)" }) {
        _ = try await transaction.query(
          """
          INSERT INTO drifts AS d (account_kind, account_id, differences) VALUES ($1, $2, $3)
          ON CONFLICT (account_kind, account_id)
          DO UPDATE SET last_seen_at = now(), differences = excluded.differences
          """, finding.account.parameters + [.json(Self.json(finding.differences))])
      }
      _ = try await transaction.query(
        """
        DELETE FROM drifts d USING unnest($1::text[], $2::text[]) AS a (kind, id)
        WHERE d.account_kind = a.kind AND d.account_id = a.id
        """,
        [
          .textArray(settled.map(\.account.kind.rawValue)), .textArray(settled.map(\.account.id)),
        ])
      _ = try await transaction.query(
        """
        UPDATE reconcile_totals SET last_run_at = now(), accounts = accounts + $1, drifted = drifted + $2,
          mended = mended + $3
        """,
        [
          .int(Int64(findings.count - findings.count { $0.state == .unchecked })),
          .int(Int64(drifted.count + mended.count)), .int(Int64(mended.count)),
        ])
      for finding in mended {
        try await transaction.audit(
          actor ?? "system", "reconcile.mend", finding.account.description,
          before: "{\"differences\":\(Self.json(finding.differences))}")
      }
    }
  }

  private static func json(_ differences: [Difference]) -> String {
    var json = JSONText()
    json.raw("[")
    for (index, difference) in differences.enumerated() {
      if index > 0 { json.raw(",") }
      json.raw("{")
      json.field("kind", difference.kind.rawValue)
      json.field("name", difference.name)
      json.field("redis", difference.redis)
      json.field("books", difference.books)
      json.field("entries", difference.entries)
      json.closeObject()
    }
    json.raw("]")
    return json.text
  }
}

/// What ``PostgresStore/mend(_:lost:)`` runs; `$1` and `$2` are kind and id of the account.
private enum MendingSQL {
  static func grants(_ side: String) -> String {
    """
    UPDATE grants AS g SET used = g.used + d.missing, booked_at = clock_timestamp()
    FROM (
      SELECT o.series, o.number, coalesce(e.tokens, 0) - o.used AS missing
      FROM grants o
      LEFT JOIN (\(BooksInspectionSQL.entered(side))) AS e ON e.name = o.series || o.number
      WHERE o.account_kind = $1 AND o.account_id = $2 AND o.used <> coalesce(e.tokens, 0)) AS d
    WHERE g.account_kind = $1 AND g.account_id = $2 AND g.series = d.series AND g.number = d.number
    """
  }

  static func balance(_ side: String) -> String {
    """
    INSERT INTO account_balances AS b (account_kind, account_id, debt)
    SELECT $1::text, $2::text, missing FROM (
      SELECT \(BooksInspectionSQL.enteredDebt(side))
        - coalesce((SELECT debt FROM account_balances WHERE account_kind = $1 AND account_id = $2), 0)) AS d
        (missing)
    WHERE missing <> 0
    ON CONFLICT (account_kind, account_id) DO UPDATE SET debt = b.debt + excluded.debt
    """
  }

  static func rollups(_ side: String, _ span: String) -> String {
    let since = "(SELECT archived_before FROM ledger_horizon)"
    return """
      INSERT INTO \(table(span)) AS h (account_kind, account_id, \(span), feature, tokens, entries)
      SELECT $1::text, $2::text, start, feature, coalesce(e.tokens, 0) - coalesce(r.tokens, 0),
        coalesce(e.entries, 0) - coalesce(r.entries, 0)
      FROM (\(BooksInspectionSQL.rolled(span, since: since))) AS r
      FULL JOIN (\(BooksInspectionSQL.summed(side, span, since: since))) AS e USING (start, feature)
      WHERE (coalesce(r.tokens, 0), coalesce(r.entries, 0))
        <> (coalesce(e.tokens, 0), coalesce(e.entries, 0))
      ORDER BY start, feature
      ON CONFLICT (account_kind, account_id, \(span), feature)
      DO UPDATE SET tokens = h.tokens + excluded.tokens, entries = h.entries + excluded.entries
      """
  }

  static func emptyRollups(_ span: String) -> String {
    "DELETE FROM \(table(span)) WHERE account_kind = $1 AND account_id = $2 AND tokens = 0 AND entries = 0"
  }

  private static func table(_ span: String) -> String { span == "hour" ? "ledger_hourly" : "ledger_daily" }

  /// Holds that are open although the ledger has their end. `$1` is the account's id.
  static func endedHolds(_ kind: AccountID.Kind) -> String {
    let state = """
      settled_tokens = e.tokens, epoch = e.epoch, stream_ms = e.stream_ms, stream_seq = e.stream_seq,
        state = CASE e.kind WHEN 'release' THEN 'released' WHEN 'expire' THEN 'expired' ELSE 'settled' END
      """
    return """
      UPDATE holds AS h SET \(kind == .user ? state : "tenant_closed = true")
      FROM (
        SELECT DISTINCT ON (l.hold_id) l.* FROM holds o JOIN ledger l ON l.hold_id = o.id
        WHERE o.\(kind.rawValue)_id = $1 AND \(BooksInspectionSQL.isOpen("o", kind))
          AND \(BooksInspectionSQL.closes("l", kind))
          AND l.at >= o.created_at - interval '1 second'
        ORDER BY l.hold_id, l.at DESC, l.stream_seq DESC) AS e
      WHERE h.id = e.hold_id AND \(BooksInspectionSQL.isOpen("h", kind))
      """
  }

  static func lostHold(_ kind: AccountID.Kind) -> String {
    let reopened =
      kind == .user
      ? "state = 'open', settled_tokens = NULL, epoch = 0, stream_ms = 0, stream_seq = 0"
      : "tenant_closed = false"
    return """
      INSERT INTO holds AS h (id, user_id, tenant_id, feature, tokens, expires_at, created_at, on_expire,
        user_grants, user_amounts, tenant_grants, tenant_amounts, user_period_start, tenant_period_start,
        reported, takes_feature_slot, feeds_estimate, terms_epoch, terms_ms, terms_seq, state, epoch, stream_ms,
        stream_seq)
      SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, l.epoch, l.stream_ms,
        l.stream_seq, 'open', 0, 0, 0
      FROM ledger l
      WHERE l.hold_id = $1 AND l.kind IN ('reserve', 'extend')
        AND NOT EXISTS (SELECT FROM ledger e WHERE e.hold_id = $1 AND \(BooksInspectionSQL.closes("e", kind)))
      ORDER BY l.at DESC, l.stream_seq DESC LIMIT 1
      ON CONFLICT (id) DO UPDATE SET \(reopened)
      """
  }
}
