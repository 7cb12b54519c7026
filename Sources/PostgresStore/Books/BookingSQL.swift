import Gate

/// The one statement that books a batch. `$1` is the batch as JSON, `$2` the bucket, `$3` the epoch. All that
/// is derived changes by the entries that were really inserted, so that an entry counts once however
/// often it is delivered.
///
/// Bookers of one bucket go one after the other; those of two buckets that share an account (a user who
/// changed tenants) lock rows in the order of their keys.
enum BookingSQL {
  static let statement = """
    WITH bucket_lock AS MATERIALIZED (
      SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.book'), $2::int)),
    \(input),
    fresh AS (
      INSERT INTO ledger (at, epoch, bucket, stream_ms, stream_seq, side, kind, operation_id, user_id,
        tenant_id, feature, tokens, user_grants, user_amounts, user_debt, tenant_grants, tenant_amounts,
        tenant_debt, hold_id, outcome, metadata, shadowed, occurred_at)
      SELECT at, $3::bigint, $2::bigint, ms, seq, side, kind, op, u, t, f, n, ug, ua, ud, tg, ta, td, h, o, m, sh,
        to_timestamp(0) + oc * interval '1 millisecond'
      FROM input WHERE \(isNotArchived) ORDER BY ms, seq, side
      ON CONFLICT DO NOTHING
      RETURNING stream_ms, stream_seq, side),
    entry AS MATERIALIZED (
      SELECT input.* FROM input
      JOIN fresh ON (fresh.stream_ms, fresh.stream_seq, fresh.side) = (input.ms, input.seq, input.side)),
    counted AS (
      SELECT * FROM entry
      WHERE side <> 't' AND u IS NOT NULL
        AND (kind IN ('spend', 'usage', 'settle', 'correct') OR kind = 'expire' AND n <> 0)),
    \(grants),
    balances AS (
      INSERT INTO account_balances AS b (account_kind, account_id, debt)
      SELECT account_kind, account_id, sum(debt)::bigint FROM (
        SELECT 'user' AS account_kind, u AS account_id, ud AS debt FROM entry WHERE u IS NOT NULL
        UNION ALL
        SELECT 'tenant', t, td FROM entry WHERE t IS NOT NULL) AS moved
      GROUP BY 1, 2 HAVING sum(debt) <> 0 ORDER BY 1, 2
      ON CONFLICT (account_kind, account_id) DO UPDATE SET debt = b.debt + excluded.debt),
    \(rollups),
    \(holds),
    \(events),
    progress AS (
      INSERT INTO ledger_progress AS p (bucket, stream_ms, stream_seq)
      SELECT $2::bigint, ms, seq FROM input ORDER BY ms DESC, seq DESC LIMIT 1
      ON CONFLICT (bucket) DO UPDATE SET stream_ms = excluded.stream_ms, stream_seq = excluded.stream_seq
      WHERE (excluded.stream_ms, excluded.stream_seq) > (p.stream_ms, p.stream_seq))
    SELECT count(*) AS booked FROM fresh
    """

  /// An entry that stands twice in a batch is taken once.
  private static let input = """
    input AS MATERIALIZED (
      SELECT DISTINCT ON (ms, seq, side) e.*, to_timestamp(0) + ms * interval '1 millisecond' AS at
      FROM bucket_lock, jsonb_to_recordset($1::jsonb) AS e (
        ms bigint, seq bigint, side text, kind text, op text, u text, t text, f text, n bigint,
        ug text[], ua bigint[], ud bigint, tg text[], ta bigint[], td bigint, o text, m text,
        sh bigint, oc bigint,
        h text, hu text, ht text, hf text, hn bigint, hx bigint, hc bigint, he text, hs text,
        hup bigint, htp bigint, hr bigint, hfs boolean, hfe boolean,
        hug text[], hua bigint[], htg text[], hta bigint[],
        gs text, gn bigint, gk text, gt bigint, gps bigint, gpe bigint, gx bigint, gp bigint, gsrc text,
        gref text, gc bigint, \(crossingColumns))
      ORDER BY ms, seq, side)
    """

  /// The row of a calendar or rollover grant is made by whatever names it first, its definition or an
  /// allocation, since batches come in any order; the latest definition stays.
  private static let grants = """
    allocated AS MATERIALIZED (
      SELECT account_kind, account_id, left(name, 1) AS series, substr(name, 2)::bigint AS number,
        sum(amount)::bigint AS tokens
      FROM (
        SELECT 'user' AS account_kind, u AS account_id, name, amount
        FROM entry, unnest(ug, ua) AS a (name, amount) WHERE u IS NOT NULL
        UNION ALL
        SELECT 'tenant', t, name, amount
        FROM entry, unnest(tg, ta) AS a (name, amount) WHERE t IS NOT NULL) AS taken
      GROUP BY 1, 2, 3, 4),
    defined AS (
      SELECT DISTINCT ON (account_kind, account_id, series, number) * FROM (
        SELECT CASE side WHEN 't' THEN 'tenant' ELSE 'user' END AS account_kind,
          CASE side WHEN 't' THEN t ELSE u END AS account_id, gs AS series, gn AS number, entry.*
        FROM entry WHERE kind = 'period' AND gs <> 'g') AS period
      WHERE account_id IS NOT NULL
      ORDER BY account_kind, account_id, series, number, ms DESC, seq DESC),
    calendar AS (
      INSERT INTO grants AS g (account_kind, account_id, series, number, kind, tokens, used, period_start,
        period_end, expires_at, priority, source, source_reference, created_at, booked_at, defined_epoch,
        defined_ms, defined_seq)
      SELECT account_kind, account_id, series, number,
        coalesce(d.gk, CASE series WHEN 'r' THEN 'rollover' ELSE 'period' END),
        greatest(0, least(coalesce(d.gt, 0), 999999999999999)), coalesce(a.tokens, 0),
        to_timestamp(0) + coalesce(d.gps, number) * interval '1 millisecond',
        to_timestamp(0) + d.gpe * interval '1 millisecond',
        to_timestamp(0) + d.gx * interval '1 millisecond',
        greatest(0, least(coalesce(d.gp, 100), 1000000)), coalesce(d.gsrc, 'calendar'), d.gref,
        to_timestamp(0) + coalesce(d.gc, number) * interval '1 millisecond', clock_timestamp(),
        CASE WHEN d.ms IS NULL THEN 0 ELSE $3::bigint END, coalesce(d.ms, 0), coalesce(d.seq, 0)
      FROM (SELECT * FROM allocated WHERE series <> 'g') AS a
      FULL JOIN defined AS d USING (account_kind, account_id, series, number)
      ORDER BY account_kind, account_id, series, number
      ON CONFLICT (account_kind, account_id, series, number) DO UPDATE SET
        used = g.used + excluded.used, booked_at = excluded.booked_at,
        (kind, tokens, period_start, period_end, expires_at, priority, source, source_reference,
          created_at, defined_epoch, defined_ms, defined_seq) = (
          SELECT n.kind, n.tokens, n.period_start, n.period_end, n.expires_at, n.priority, n.source,
            n.source_reference, n.created_at, n.defined_epoch, n.defined_ms, n.defined_seq
          FROM (SELECT excluded.*, true AS is_new UNION ALL SELECT g.*, false) AS n
          ORDER BY n.defined_epoch DESC, n.defined_ms DESC, n.defined_seq DESC, n.is_new LIMIT 1)),
    granted_lock AS MATERIALIZED (
      SELECT g.account_kind, g.account_id, g.number, a.tokens
      FROM grants g JOIN allocated a USING (account_kind, account_id, series, number)
      WHERE series = 'g' ORDER BY 1, 2, 3 FOR NO KEY UPDATE OF g),
    granted AS (
      UPDATE grants AS g SET used = g.used + a.tokens, booked_at = clock_timestamp()
      FROM granted_lock AS a
      WHERE (g.account_kind, g.account_id, g.series, g.number)
        = (a.account_kind, a.account_id, 'g', a.number))
    """

  /// The keys of an archived month are gone, so an entry of one is known by its place: the group reads a stream
  /// in its order, and what was read and not booked is taken over within seconds. Whatever a bucket has
  /// booked past was booked before its month was archived.
  private static let isNotArchived = """
    NOT EXISTS (
        SELECT FROM ledger_horizon, ledger_progress AS p
        WHERE p.bucket = $2::bigint AND at < archived_before AND (ms, seq) <= (p.stream_ms, p.stream_seq))
    """

  /// Sums per hour and per day, and of limits in shadow mode what they would have refused: of a hold, what it
  /// held.
  private static let rollups = """
    used AS MATERIALIZED (
      SELECT account_kind, account_id, date_trunc('hour', at, 'UTC') AS hour, f, sum(n)::bigint AS tokens,
        count(*) AS entries
      FROM (
        SELECT 'user' AS account_kind, u AS account_id, at, f, n FROM counted
        UNION ALL
        SELECT 'tenant', t, at, f, n FROM counted WHERE t IS NOT NULL) AS moved
      GROUP BY 1, 2, 3, 4),
    hourly AS (
      INSERT INTO ledger_hourly AS r (account_kind, account_id, hour, feature, tokens, entries)
      SELECT * FROM used ORDER BY 1, 2, 3, 4
      ON CONFLICT (account_kind, account_id, hour, feature)
      DO UPDATE SET tokens = r.tokens + excluded.tokens, entries = r.entries + excluded.entries),
    daily AS (
      INSERT INTO ledger_daily AS r (account_kind, account_id, day, feature, tokens, entries)
      SELECT account_kind, account_id, date_trunc('day', hour, 'UTC'), f, sum(tokens)::bigint,
        sum(entries)::bigint
      FROM used GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
      ON CONFLICT (account_kind, account_id, day, feature)
      DO UPDATE SET tokens = r.tokens + excluded.tokens, entries = r.entries + excluded.entries),
    shadow AS (
      INSERT INTO shadow_hourly AS r (hour, feature, limit_name, user_id, entries, tokens)
      SELECT date_trunc('hour', at, 'UTC'), f, limit_name, u, count(*), sum(coalesce(hn, n))::bigint
      FROM entry JOIN (VALUES \(shadowNames)) AS names (bit, limit_name) ON sh & bit <> 0
      WHERE u IS NOT NULL GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
      ON CONFLICT (hour, feature, limit_name, user_id)
      DO UPDATE SET entries = r.entries + excluded.entries, tokens = r.tokens + excluded.tokens)
    """

  private static let shadowNames = ShadowedLimits.names
    .map { "(\($0.limit.rawValue)::bigint, '\($0.name)')" }.joined(separator: ", ")

  /// Entries of a hold come in any order, too. The latest open one tells its terms; the latest that closes the
  /// user's side tells its state, and what all of those booked is what it settled at. The pool's side may
  /// close by an entry of its own, which tells nothing of the user's.
  private static let holds = """
    of_hold AS MATERIALIZED (
      SELECT *, hs <> 'open' AS closes FROM entry WHERE h IS NOT NULL AND hu IS NOT NULL),
    terms AS (
      SELECT DISTINCT ON (h) * FROM of_hold WHERE NOT closes ORDER BY h, ms DESC, seq DESC),
    ended AS (
      SELECT DISTINCT ON (h) h, hs, ms, seq FROM of_hold WHERE closes AND side <> 't'
      ORDER BY h, ms DESC, seq DESC),
    named AS (
      SELECT h, max(hu) AS hu, max(ht) AS ht, max(hf) AS hf, min(at) AS at,
        sum(n) FILTER (WHERE closes AND side <> 't')::bigint AS settled,
        coalesce(bool_or(side <> 'u') FILTER (WHERE closes), false) AS tenant_closed
      FROM of_hold GROUP BY h),
    held AS (
      INSERT INTO holds AS h (id, user_id, tenant_id, feature, tokens, expires_at, created_at, on_expire,
        user_grants, user_amounts, tenant_grants, tenant_amounts, user_period_start, tenant_period_start,
        reported, takes_feature_slot, feeds_estimate, terms_epoch, terms_ms, terms_seq, state, settled_tokens,
        tenant_closed, epoch, stream_ms, stream_seq)
      SELECT h, coalesce(t.hu, named.hu), coalesce(t.ht, named.ht), coalesce(t.hf, named.hf), coalesce(t.hn, 0),
        coalesce(to_timestamp(0) + t.hx * interval '1 millisecond', named.at),
        coalesce(to_timestamp(0) + t.hc * interval '1 millisecond', named.at), coalesce(t.he, 'charge'),
        coalesce(t.hug, '{}'), coalesce(t.hua, '{}'), coalesce(t.htg, '{}'), coalesce(t.hta, '{}'),
        to_timestamp(0) + t.hup * interval '1 millisecond', to_timestamp(0) + t.htp * interval '1 millisecond',
        t.hr, coalesce(t.hfs, false), coalesce(t.hfe, false),
        CASE WHEN t.h IS NULL THEN 0 ELSE $3::bigint END, coalesce(t.ms, 0), coalesce(t.seq, 0),
        coalesce(ended.hs, 'open'), named.settled, named.tenant_closed,
        CASE WHEN ended.h IS NULL THEN 0 ELSE $3::bigint END, coalesce(ended.ms, 0), coalesce(ended.seq, 0)
      FROM named LEFT JOIN terms AS t USING (h) LEFT JOIN ended USING (h) ORDER BY h
      ON CONFLICT (id) DO UPDATE SET
        (user_id, tenant_id, feature, tokens, expires_at, created_at, on_expire, user_grants, user_amounts,
          tenant_grants, tenant_amounts, user_period_start, tenant_period_start, reported,
          takes_feature_slot, feeds_estimate, terms_epoch, terms_ms, terms_seq) = (
          SELECT n.user_id, n.tenant_id, n.feature, n.tokens, n.expires_at, n.created_at, n.on_expire,
            n.user_grants, n.user_amounts, n.tenant_grants, n.tenant_amounts, n.user_period_start,
            n.tenant_period_start, n.reported, n.takes_feature_slot, n.feeds_estimate, n.terms_epoch,
            n.terms_ms, n.terms_seq
          FROM (SELECT excluded.*, true AS is_new UNION ALL SELECT h.*, false) AS n
          ORDER BY n.terms_epoch DESC, n.terms_ms DESC, n.terms_seq DESC, n.is_new LIMIT 1),
        (state, epoch, stream_ms, stream_seq) = (
          SELECT n.state, n.epoch, n.stream_ms, n.stream_seq
          FROM (SELECT excluded.*, true AS is_new UNION ALL SELECT h.*, false) AS n
          ORDER BY n.epoch DESC, n.stream_ms DESC, n.stream_seq DESC, n.is_new LIMIT 1),
        settled_tokens = coalesce(h.settled_tokens + excluded.settled_tokens, h.settled_tokens,
          excluded.settled_tokens),
        tenant_closed = h.tenant_closed OR excluded.tenant_closed)
    """
}
