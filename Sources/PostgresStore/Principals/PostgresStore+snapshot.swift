package import Gate

extension PostgresStore {
  /// One statement, so that grants, use, debt, holds and version are of one moment.
  ///
  /// Its holds are those whose side of this account is unresolved in the books, whether their time has passed
  /// or not: of a user, that nothing was settled, released or expired of yet; of a tenant, that draw on the
  /// pool and whose pool's side is not closed, though the user's may have expired (``HoldRecord/state`` is the
  /// user's side), and besides those that draw on nothing of it while they run. At most
  /// ``Limits/openHoldsMax`` of a user and 10,000 of a tenant, those that expire last.
  package func snapshot(of account: AccountID) async throws(StoreError) -> AccountSnapshot? {
    try await snapshots(of: [account]).first
  }

  /// See ``PrincipalStore/snapshots(of:)``.
  package func snapshots(of accounts: [AccountID]) async throws(StoreError) -> [AccountSnapshot] {
    var snapshots: [AccountSnapshot] = []
    for kind in [AccountID.Kind.user, .tenant] {
      let ids = accounts.filter { $0.kind == kind }.map(\.id)
      if !ids.isEmpty { snapshots += try await self.snapshots(kind, ids) }
    }
    return snapshots
  }

  private func snapshots(
    _ kind: AccountID.Kind, _ ids: [String]
  ) async throws(StoreError) -> [AccountSnapshot] {
    let isUser = kind == .user
    let unresolved =
      isUser
      ? "user_id = whose AND state = 'open'"
      : "tenant_id = whose AND NOT tenant_closed AND (draws_on_tenant OR expires_at > now())"
    let rows = try await pool.query(
      """
      SELECT a.id AS whose, 'account' AS part, a.version AS n1, coalesce(b.debt, 0) AS n2,
        NULL::bigint AS n3, NULL::bigint AS n4, a.tenant_id AS s1, a.plan AS s2, NULL AS s3, NULL AS s4,
        NULL::timestamptz AS t1, NULL::timestamptz AS t2, NULL::timestamptz AS t3, NULL::timestamptz AS t4,
        \(Self.noHold)
      FROM \(isUser ? "users" : "(SELECT id, version, plan, NULL AS tenant_id FROM tenants)") AS a
      LEFT JOIN account_balances b ON b.account_kind = $1 AND b.account_id = a.id
      WHERE a.id = ANY ($2)
      UNION ALL
      SELECT whose, 'grant', g.number, g.tokens, g.used, g.priority, g.series, g.kind, g.source,
        g.source_reference, g.period_start, g.period_end, g.expires_at, g.created_at, \(Self.noHold)
      FROM unnest($2) AS wanted (whose) CROSS JOIN LATERAL (
        SELECT * FROM grants
        WHERE account_kind = $1 AND account_id = whose AND revoked_at IS NULL
          AND (expires_at IS NULL OR expires_at > now())
        ORDER BY used < tokens DESC, expires_at NULLS LAST, priority, created_at, number
        LIMIT \(Limits.liveGrantsMax)) AS g
      UNION ALL
      SELECT whose, 'hold', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        \(Self.holdColumns)
      FROM unnest($2) AS wanted (whose) CROSS JOIN LATERAL (
        SELECT * FROM holds
        WHERE \(unresolved) AND terms_ms > 0
        ORDER BY expires_at DESC LIMIT \(isUser ? Limits.openHoldsMax : 10_000)) AS h
      UNION ALL
      SELECT account_id, 'hour', sum(tokens)::bigint, (hour = date_trunc('hour', now(), 'UTC'))::int, NULL,
        NULL, NULL, NULL, NULL, NULL, hour, NULL, NULL, NULL, \(Self.noHold)
      FROM ledger_hourly
      WHERE account_kind = $1 AND account_id = ANY ($2)
        AND hour > date_trunc('hour', now(), 'UTC') - interval '25 hours'
      GROUP BY account_id, hour
      ORDER BY whose, part, t1, expires_at
      """, [.text(kind.rawValue), .textArray(ids)])
    return try Self.snapshots(kind, rows)
  }

  /// ``holdColumns`` of a row that is no hold.
  private static let noHold = """
    NULL AS id, NULL AS user_id, NULL AS tenant_id, NULL AS feature, NULL::bigint AS tokens,
    NULL::timestamptz AS expires_at, NULL::timestamptz AS created_at, NULL AS on_expire, NULL AS state,
    NULL::bigint AS settled_tokens, NULL::text[] AS user_grants, NULL::bigint[] AS user_amounts,
    NULL::text[] AS tenant_grants, NULL::bigint[] AS tenant_amounts,
    NULL::timestamptz AS user_period_start, NULL::timestamptz AS tenant_period_start,
    NULL::bigint AS reported, NULL::boolean AS takes_feature_slot, NULL::boolean AS feeds_estimate
    """

  private static func snapshots(
    _ kind: AccountID.Kind, _ rows: PostgresRows
  ) throws(StoreError) -> [AccountSnapshot] {
    var snapshots: [AccountSnapshot] = []
    for index in 0..<rows.count {
      let row = rows[index]
      let account = AccountID(kind, try row.need("whose", PostgresRow.string))
      // 'account' sorts first; what has none is left over of an account that is gone.
      if row.string("part") == "account" {
        var snapshot = AccountSnapshot(
          account: account, tenant: row.string("s1"), version: try row.need("n1", PostgresRow.int),
          debt: max(0, try row.need("n2", PostgresRow.int)))
        snapshot.plan = row.string("s2")
        snapshots.append(snapshot)
      } else if let last = snapshots.indices.last, snapshots[last].account == account {
        try add(row, to: &snapshots[last])
      }
    }
    for index in snapshots.indices { snapshots[index].grants.sort(by: spendOrder) }
    return snapshots
  }

  private static func add(_ row: PostgresRow, to snapshot: inout AccountSnapshot) throws(StoreError) {
    switch row.string("part") {
    case "grant": snapshot.grants.append(try grantPart(row))
    case "hold": snapshot.holds.append(try hold(row))
    default:
      let tokens = try row.need("n1", PostgresRow.int)
      snapshot.recentUse.append(
        AccountSnapshot.RecentUse(hourStart: try row.need("t1", PostgresRow.instant), tokens: tokens))
      // By the server's clock, as everything here.
      if row.int("n2") == 1 { snapshot.hourUsed = tokens }
    }
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
}
