package import Gate

extension PostgresStore {
  /// One statement, so that grants, use, debt, holds and version are of one moment.
  package func snapshot(of account: AccountID) async throws(StoreError) -> AccountSnapshot? {
    let isUser = account.kind == .user
    let rows = try await pool.query(
      """
      SELECT 'account' AS part, a.version AS n1, coalesce(b.debt, 0) AS n2, NULL::bigint AS n3,
        NULL::bigint AS n4, a.tenant_id AS s1, NULL AS s2, NULL AS s3, NULL AS s4, NULL AS s5,
        NULL::timestamptz AS t1, NULL::timestamptz AS t2, NULL::timestamptz AS t3, NULL::timestamptz AS t4,
        NULL::text[] AS a1, NULL::bigint[] AS a2, NULL::text[] AS a3, NULL::bigint[] AS a4
      FROM \(isUser ? "users" : "(SELECT id, version, NULL AS tenant_id FROM tenants)") AS a
      LEFT JOIN account_balances b ON b.account_kind = $1 AND b.account_id = a.id
      WHERE a.id = $2
      UNION ALL
      SELECT 'grant', g.number, g.tokens, g.used, g.priority, g.series, g.kind, g.source,
        g.source_reference, NULL, g.period_start, g.period_end, g.expires_at, g.created_at,
        NULL, NULL, NULL, NULL
      FROM (
        SELECT * FROM grants
        WHERE account_kind = $1 AND account_id = $2 AND revoked_at IS NULL
          AND (expires_at IS NULL OR expires_at > now())
        ORDER BY used < tokens DESC, expires_at NULLS LAST, priority, created_at, number
        LIMIT \(Limits.liveGrantsMax)) AS g
      UNION ALL
      SELECT 'hold', h.tokens, h.settled_tokens, NULL, NULL, h.id, h.user_id, h.tenant_id, h.feature,
        h.on_expire, h.expires_at, h.created_at, NULL, NULL, h.user_grants, h.user_amounts,
        h.tenant_grants, h.tenant_amounts
      FROM (
        SELECT * FROM holds
        WHERE \(isUser ? "user_id = $2" : "tenant_id = $2 AND expires_at > now()") AND state = 'open'
        ORDER BY expires_at DESC LIMIT \(isUser ? Limits.openHoldsMax : 10_000)) AS h
      UNION ALL
      SELECT 'hour', sum(tokens)::bigint, (hour = date_trunc('hour', now(), 'UTC'))::int, NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, hour, NULL, NULL, NULL, NULL, NULL, NULL, NULL
      FROM ledger_hourly
      WHERE account_kind = $1 AND account_id = $2
        AND hour > date_trunc('hour', now(), 'UTC') - interval '25 hours'
      GROUP BY hour
      ORDER BY part, t1
      """, [.text(account.kind.rawValue), .text(account.id)])
    return try Self.snapshot(of: account, rows)
  }

  private static func snapshot(
    of account: AccountID, _ rows: PostgresRows
  ) throws(StoreError) -> AccountSnapshot? {
    // 'account' sorts first.
    guard let head = rows.first, head.string("part") == "account" else { return nil }
    var snapshot = AccountSnapshot(
      account: account, tenant: head.string("s1"), version: try head.need("n1", PostgresRow.int),
      debt: max(0, try head.need("n2", PostgresRow.int)))
    for index in 1..<max(1, rows.count) {
      let row = rows[index]
      switch row.string("part") {
      case "grant": snapshot.grants.append(try grantPart(row))
      case "hold": snapshot.holds.append(try heldPart(row))
      default:
        let tokens = try row.need("n1", PostgresRow.int)
        snapshot.recentUse.append(
          AccountSnapshot.RecentUse(hourStart: try row.need("t1", PostgresRow.instant), tokens: tokens))
        // By the server's clock, as everything here.
        if row.int("n2") == 1 { snapshot.hourUsed = tokens }
      }
    }
    snapshot.grants.sort(by: spendOrder)
    return snapshot
  }

  /// Soonest to expire first; ties: lowest priority number, then oldest.
  private static func spendOrder(_ left: Grant, _ right: Grant) -> Bool {
    let (one, other) = (left.expiresAt?.milliseconds ?? .max, right.expiresAt?.milliseconds ?? .max)
    return (one, left.priority, left.createdAt.milliseconds, left.reference.number)
      < (other, right.priority, right.createdAt.milliseconds, right.reference.number)
  }

  private static func grantPart(_ row: PostgresRow) throws(StoreError) -> Grant {
    guard let series = row.string("s1").flatMap({ Grant.Reference.Series(rawValue: $0) }),
      let kind = row.string("s2").flatMap({ Grant.Kind(rawValue: $0) })
    else { throw .internalError("a grant's series or kind is unreadable") }
    return Grant(
      reference: Grant.Reference(series, try row.need("n1", PostgresRow.int)), kind: kind,
      tokens: try row.need("n2", PostgresRow.int), used: try row.need("n3", PostgresRow.int),
      periodStart: row.instant("t1"), periodEnd: row.instant("t2"), expiresAt: row.instant("t3"),
      priority: try row.need("n4", PostgresRow.int), source: try row.need("s3", PostgresRow.string),
      sourceReference: row.string("s4"), createdAt: try row.need("t4", PostgresRow.instant))
  }

  private static func heldPart(_ row: PostgresRow) throws(StoreError) -> HoldRecord {
    HoldRecord(
      id: try row.need("s1", PostgresRow.string), user: try row.need("s2", PostgresRow.string),
      tenant: row.string("s3"), feature: try row.need("s4", PostgresRow.string),
      tokens: try row.need("n1", PostgresRow.int), expiresAt: try row.need("t1", PostgresRow.instant),
      createdAt: try row.need("t2", PostgresRow.instant),
      onExpire: row.string("s5").flatMap { Feature.Expiry(rawValue: $0) } ?? .charge,
      userAllocations: try allocations(row, "a1", "a2"), tenantAllocations: try allocations(row, "a3", "a4"))
  }
}
