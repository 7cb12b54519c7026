/// The statements of an import; `$1` is the batch as ``ImportedAccount/json(_:)`` writes it where it is `given`.
enum AccountImportSQL {
  private static let given = """
    jsonb_to_recordset($1) AS given
      (line bigint, u text, e text, p text, t text, c text, h text, l text, x bigint, r bigint)
    """

  /// What contradicts what is stored. `$2` is the key of the import.
  static let refusals = """
    SELECT line, 'tenant' AS field, 'is not a known tenant' AS message FROM \(given)
    WHERE t IS NOT NULL AND NOT EXISTS (SELECT FROM tenants WHERE tenants.id = t)
    UNION ALL
    SELECT line, 'token_hash', 'is the token of another user' FROM \(given)
    JOIN extension_tokens k ON k.token_hash = decode(h, 'hex') WHERE k.user_id <> u
    UNION ALL
    SELECT line, 'remaining', 'was imported before as ' || g.source_reference
      || '; another --name sets it anew' FROM \(given)
    JOIN grants g ON g.account_kind = 'user' AND g.account_id = u AND g.idempotency_key = $2
    WHERE r IS NOT NULL AND g.source_reference <> r::text
    ORDER BY line
    """

  static let stored = """
    SELECT id, (to_jsonb(u) - '{version,own_status}'::text[])::text AS record FROM users u WHERE id = ANY ($1)
    ORDER BY id FOR NO KEY UPDATE
    """

  /// Of a user with several lines the last word on each field counts.
  static let users = """
    INSERT INTO users AS u (id, email, plan, tenant_id, stripe_customer_id)
    SELECT u, \(last("e")), \(last("p")), \(last("t")), \(last("c")) FROM \(given) GROUP BY u ORDER BY u
    ON CONFLICT (id) DO UPDATE SET email = coalesce(excluded.email, u.email),
      plan = coalesce(excluded.plan, u.plan), tenant_id = coalesce(excluded.tenant_id, u.tenant_id),
      stripe_customer_id = coalesce(excluded.stripe_customer_id, u.stripe_customer_id)
    WHERE (u.email, u.plan, u.tenant_id, u.stripe_customer_id) IS DISTINCT FROM (
      coalesce(excluded.email, u.email), coalesce(excluded.plan, u.plan),
      coalesce(excluded.tenant_id, u.tenant_id), coalesce(excluded.stripe_customer_id, u.stripe_customer_id))
    RETURNING id, xmax = 0 AS is_new, (to_jsonb(u) - '{version,own_status}'::text[])::text AS record
    """

  private static func last(_ column: String) -> String {
    "(array_agg(\(column) ORDER BY line DESC) FILTER (WHERE \(column) IS NOT NULL))[1]"
  }

  /// `$1` actor, `$2` reason; then, per user that was put: id, before, after.
  static let usersAudit = """
    INSERT INTO audit_log (actor, action, subject, before, after, reason)
    SELECT $1, 'user.put', 'user:' || id, before::jsonb, after::jsonb, $2
    FROM unnest($3::text[], $4::text[], $5::text[]) AS put (id, before, after)
    """

  /// `$2` actor, `$3` reason. A token that is there already stays as it is.
  static let tokens = """
    WITH put AS (
      INSERT INTO extension_tokens AS k (user_id, token_hash, label, expires_at)
      SELECT u, decode(h, 'hex'), l, to_timestamp(0) + x * interval '1 millisecond' FROM \(given)
      WHERE h IS NOT NULL ORDER BY line
      ON CONFLICT (token_hash) DO NOTHING
      RETURNING k.id, k.user_id, k.token_hash, to_jsonb(k) - 'token_hash' AS record),
    noted AS (
      INSERT INTO audit_log (actor, action, subject, after, reason)
      SELECT $2, 'token.issue', 'token:' || id, record, $3 FROM put)
    SELECT given.line, given.u FROM put JOIN \(given) ON decode(given.h, 'hex') = put.token_hash
    """

  /// `$1` users, `$2` the key of the import: who has had their budget by it, and what the others have beside.
  static let budgets = """
    SELECT \(PostgresStore.principalColumns), coalesce(b.debt, 0) AS debt, coalesce(other.rest, 0) AS other_rest,
      coalesce(other.live, 0) AS other_live,
      EXISTS (SELECT FROM grants g WHERE g.account_kind = 'user' AND g.account_id = u.id
        AND g.idempotency_key = $2) AS is_done
    FROM users u \(PostgresStore.principalJoins)
    LEFT JOIN account_balances b ON b.account_kind = 'user' AND b.account_id = u.id
    LEFT JOIN LATERAL (
      SELECT sum(greatest(g.tokens - g.used, 0))::bigint AS rest,
        count(*) FILTER (WHERE g.used < g.tokens) AS live
      FROM grants g WHERE g.account_kind = 'user' AND g.account_id = u.id AND g.revoked_at IS NULL
        AND (g.expires_at IS NULL OR g.expires_at > now()) AND g.kind <> 'period' AND g.source <> 'import'
    ) AS other ON true
    WHERE u.id = ANY ($1)
    """

  /// `$1` users, `$2` tokens of the period, `$3` when it ends in milliseconds, `$4` tokens beside it, `$5` what is
  /// left in all; `$6` now, `$7` the key of the import, `$8` actor, `$9` reason.
  static let grants = """
    WITH given AS (
      SELECT u, period, to_timestamp(0) + ends * interval '1 millisecond' AS ends, more, remaining
      FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
        AS given (u, period, ends, more, remaining)),
    ended AS (
      UPDATE grants g SET revoked_at = now() FROM given
      WHERE g.account_kind = 'user' AND g.account_id = given.u AND (g.kind = 'period' OR g.source = 'import')
        AND g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > now())
      RETURNING g.account_id AS u, \(record) - 'revoked_at' AS record),
    made AS (
      INSERT INTO grants AS g (account_kind, account_id, kind, tokens, period_start, period_end, expires_at,
        reason, source, source_reference, idempotency_key)
      SELECT 'user', u, 'period', period, $6, ends, ends, $9, 'import', remaining::text, $7 FROM given
      UNION ALL
      SELECT 'user', u, 'adjustment', more, NULL, NULL, NULL, $9, 'import', remaining::text, $7 || ':more'
      FROM given WHERE more > 0
      RETURNING g.account_id AS u, \(record) AS record)
    INSERT INTO audit_log (actor, action, subject, before, after, reason)
    SELECT $8, 'budget.reset', 'user:' || u, jsonb_build_object('grants', coalesce(e.records, '[]')),
      jsonb_build_object('grants', m.records), $9
    FROM (SELECT u, jsonb_agg(record) AS records FROM made GROUP BY u) AS m
    LEFT JOIN (SELECT u, jsonb_agg(record) AS records FROM ended GROUP BY u) AS e USING (u)
    """

  private static let record = "to_jsonb(g) - '{booked_at,defined_epoch,defined_ms,defined_seq}'::text[]"

  /// Redis can't know what was made just now: nothing is to be told.
  static let settleOutbox = """
    UPDATE outbox SET applied_at = now()
    WHERE account_kind = 'user' AND account_id = ANY ($1) AND transaction_id = pg_current_xact_id()
    """
}
