internal import Gate

/// The one statement that reads an account's books for a reconciliation: one snapshot of the tables and of the
/// entries. `$1` kind and `$2` id of the account, `$3` bucket, `$4` and `$5` the moment's entry, `$6` Redis' time,
/// `$7` the grants that Redis has, `$8` and `$9` the holds that it has and when they were made.
enum BooksInspectionSQL {
  static func statement(_ kind: AccountID.Kind, deep: Bool) -> String {
    let side = kind.rawValue
    return """
      WITH later AS MATERIALIZED (
        SELECT \(side)_grants AS names, \(side)_amounts AS amounts, \(side)_debt AS debt, hold_id
        FROM ledger
        WHERE \(side)_id = $2 AND at >= to_timestamp(0) + $4::bigint * interval '1 millisecond'
          AND bucket = $3 AND (stream_ms, stream_seq) > ($4::bigint, $5::bigint)),
      moved AS (
        SELECT a.name, sum(a.tokens)::bigint AS tokens
        FROM later, unnest(names, amounts) AS a (name, tokens) GROUP BY 1),
      entered AS (\(deep ? entered(side) : "SELECT NULL AS name, 0::bigint AS tokens WHERE false")),
      horizon AS (SELECT archived_before AS since FROM ledger_horizon),
      asked AS (SELECT * FROM unnest($8::text[], $9::bigint[]) AS a (id, created_ms)),
      mirrored AS (
        SELECT * FROM holds h WHERE h.\(side)_id = $2 AND \(isOpen("h", kind)) AND terms_ms > 0
        UNION
        SELECT * FROM holds WHERE id = ANY ($8))
      \(account(side, deep))
      UNION ALL
      \(grants(deep))
      UNION ALL
      \(holds(kind, deep))
      UNION ALL
      \(gaps(side, deep))
      ORDER BY part
      """
  }

  /// What the ledger's entries took of each grant, those of archived months among them; the archived part of the debt
  /// has no name.
  static func entered(_ side: String) -> String {
    """
    SELECT name, sum(tokens)::bigint AS tokens FROM (
      SELECT a.name, a.tokens
      FROM ledger, unnest(\(side)_grants, \(side)_amounts) AS a (name, tokens) WHERE \(side)_id = $2
      UNION ALL
      SELECT grant_name, tokens FROM ledger_archive_balances
      WHERE account_kind = $1 AND account_id = $2 AND grant_name <> '') AS part
    GROUP BY 1
    """
  }

  /// The same of its debt, as an expression.
  static func enteredDebt(_ side: String) -> String {
    """
    (coalesce((SELECT sum(\(side)_debt) FROM ledger WHERE \(side)_id = $2), 0)
      + coalesce((SELECT tokens FROM ledger_archive_balances
        WHERE account_kind = $1 AND account_id = $2 AND grant_name = ''), 0))::bigint
    """
  }

  /// An account's own side of a hold is unresolved in the mirror; and an entry that resolves it.
  static func isOpen(_ hold: String, _ kind: AccountID.Kind) -> String {
    kind == .user ? "\(hold).state = 'open'" : "NOT \(hold).tenant_closed"
  }
  static func closes(_ entry: String, _ kind: AccountID.Kind) -> String {
    """
    \(entry).kind IN ('settle', 'release', 'expire', 'correct')
      AND \(entry).side <> '\(kind == .user ? "t" : "u")'
    """
  }

  /// What counts as use, as booking has it.
  static let counts = """
    side <> 't' AND user_id IS NOT NULL
      AND (kind IN ('spend', 'usage', 'settle', 'correct') OR kind = 'expire' AND tokens <> 0)
    """

  /// Of all entries that tell a user's readable rest anew, and of those that change what is left without it, the
  /// last one up to the moment is one of the latter.
  private static let isRestOld = """
    SELECT kind = 'expire' OR kind <> 'spend' AND user_grants = '{}' AND tenant_grants <> '{}'
    FROM ledger
    WHERE user_id = $2 AND side <> 't' AND (stream_ms, stream_seq) <= ($4::bigint, $5::bigint)
      AND kind IN ('spend', 'usage', 'reserve', 'extend', 'settle', 'release', 'correct', 'expire')
    ORDER BY at DESC, stream_seq DESC LIMIT 1
    """

  private static func account(_ side: String, _ deep: Bool) -> String {
    """
    SELECT 'account' AS part, a.version AS n1, coalesce(b.debt, 0) AS n2,
      coalesce((SELECT sum(debt) FROM later), 0)::bigint AS n3,
      \(deep ? enteredDebt(side) : "NULL::bigint") AS n4,
      EXISTS (SELECT FROM outbox WHERE applied_at IS NULL AND account_kind = $1 AND account_id = $2) AS b1,
      \(side == "user" ? "coalesce((\(isRestOld)), false)" : "false") AS b2, a.tenant_id AS s1, NULL AS s2,
      NULL AS s3, NULL AS s4, NULL AS s5, NULL AS s6, NULL::timestamptz AS t1, NULL::timestamptz AS t2,
      NULL::timestamptz AS t3, NULL::timestamptz AS t4, NULL::text[] AS a1, NULL::bigint[] AS a2
    FROM \(side == "user" ? "users" : "(SELECT id, version, NULL AS tenant_id FROM tenants)") AS a
    LEFT JOIN account_balances b ON b.account_kind = $1 AND b.account_id = a.id
    WHERE a.id = $2
    """
  }

  private static func grants(_ deep: Bool) -> String {
    """
    SELECT 'grant', g.number, g.tokens, g.used, coalesce(m.tokens, 0), g.revoked_at IS NOT NULL,
      g.series <> 'g' AND (g.defined_ms = 0 OR (g.defined_ms, g.defined_seq) > ($4::bigint, $5::bigint)),
      g.series, g.kind, g.source, \(deep ? "coalesce(e.tokens, 0)::text" : "NULL"), g.priority::text, NULL,
      g.period_start, g.period_end, g.expires_at, g.created_at, NULL, NULL
    FROM grants g
    LEFT JOIN moved m ON m.name = g.series || g.number
    LEFT JOIN entered e ON e.name = g.series || g.number
    WHERE g.account_kind = $1 AND g.account_id = $2
      AND (g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > $6)
        OR g.series || g.number = ANY ($7) \(deep ? "OR g.used <> coalesce(e.tokens, 0)" : ""))
    """
  }

  /// The ledger is asked about single holds where the mirror and Redis differ; when it is `deep`, about all.
  private static func holds(_ kind: AccountID.Kind, _ deep: Bool) -> String {
    let made = "coalesce(h.created_at, to_timestamp(0) + asked.created_ms * interval '1 millisecond')"
    let isAsked = deep ? "true" : "h.id IS NULL OR asked.id IS NULL OR NOT (\(isOpen("h", kind)))"
    // A pool's hold that draws on nothing of it is of no account once its time has passed.
    let mayBeAway = kind == .user ? "false" : "coalesce(NOT h.draws_on_tenant AND h.expires_at <= $6, false)"
    return """
      SELECT 'hold', h.tokens, h.reported, NULL, NULL,
        \(mayBeAway) OR EXISTS (SELECT FROM later WHERE hold_id = coalesce(h.id, asked.id)),
        CASE WHEN \(isAsked) THEN EXISTS (
          SELECT FROM ledger l WHERE l.hold_id = coalesce(h.id, asked.id) AND l.kind = 'reserve'
            AND l.at >= \(made) - interval '1 second') ELSE true END,
        coalesce(h.id, asked.id), h.user_id, h.tenant_id, h.feature,
        CASE WHEN h.id IS NULL THEN NULL WHEN \(isOpen("h", kind)) THEN 'open' ELSE 'settled' END,
        CASE WHEN \(isAsked) THEN (
          SELECT l.kind FROM ledger l
          WHERE l.hold_id = coalesce(h.id, asked.id) AND \(closes("l", kind))
            AND l.at >= \(made) - interval '1 second'
          ORDER BY l.at DESC, l.stream_seq DESC LIMIT 1) END,
        h.expires_at, h.created_at, NULL, NULL, h.\(kind.rawValue)_grants, h.\(kind.rawValue)_amounts
      FROM mirrored h FULL JOIN asked ON asked.id = h.id
      """
  }

  /// Hours and days whose sums are not those of their entries, as far back as there are entries; unless it is
  /// `deep`, the last hours alone.
  private static func gaps(_ side: String, _ deep: Bool) -> String {
    (deep ? ["hour", "day"] : ["hour"]).map { span in
      let back = deep ? "'-infinity'" : "date_trunc('hour', now() - interval '2 hours', 'UTC')"
      let since = "greatest(\(back), (SELECT since FROM horizon))"
      return """
        SELECT 'rollup', coalesce(r.tokens, 0), coalesce(e.tokens, 0), coalesce(r.entries, 0),
          coalesce(e.entries, 0), NULL, NULL, feature, '\(span)', NULL, NULL, NULL, NULL, start, NULL, NULL,
          NULL, NULL, NULL
        FROM (\(rolled(span, since: since))) AS r
        FULL JOIN (\(summed(side, span, since: since))) AS e USING (start, feature)
        WHERE (coalesce(r.tokens, 0), coalesce(r.entries, 0))
          <> (coalesce(e.tokens, 0), coalesce(e.entries, 0))
        """
    }.joined(separator: "\nUNION ALL\n")
  }

  /// The sums as they are kept, and as the entries come to.
  static func rolled(_ span: String, since: String) -> String {
    let table = span == "hour" ? "ledger_hourly" : "ledger_daily"
    return """
      SELECT \(span) AS start, feature, tokens, entries FROM \(table)
      WHERE account_kind = $1 AND account_id = $2 AND \(span) >= \(since)
      """
  }
  static func summed(_ side: String, _ span: String, since: String) -> String {
    """
    SELECT date_trunc('\(span)', at, 'UTC') AS start, feature, sum(tokens)::bigint AS tokens, count(*) AS entries
    FROM ledger WHERE \(side)_id = $2 AND at >= \(since) AND \(counts) GROUP BY 1, 2
    """
  }
}
