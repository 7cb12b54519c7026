-- What operators look at: drift between Redis and the books, decisions by the minute, who is close to the limit.

-- Work that one gate does for all: whoever holds the lease does it, until it ends.
CREATE TABLE leases (
  name text PRIMARY KEY,
  holder text NOT NULL,
  expires_at timestamptz NOT NULL
);

-- Accounts that were found to differ and are not known to be mended.
CREATE TABLE drifts (
  account_kind text NOT NULL CHECK (account_kind IN ('user', 'tenant')),
  account_id text NOT NULL,
  first_seen_at timestamptz NOT NULL DEFAULT now(),
  last_seen_at timestamptz NOT NULL DEFAULT now(),
  differences jsonb NOT NULL,
  PRIMARY KEY (account_kind, account_id)
);

-- One row: what reconciliations have found since the tables were made, and when the last one looked.
CREATE TABLE reconcile_totals (
  is_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_only_row),
  last_run_at timestamptz,
  accounts bigint NOT NULL DEFAULT 0,
  drifted bigint NOT NULL DEFAULT 0,
  mended bigint NOT NULL DEFAULT 0
);
INSERT INTO reconcile_totals DEFAULT VALUES;

-- What each gate decided in a minute (or, once they are old, all gates in an hour); its own row grows until the
-- minute is over. Keys of `decisions` are `route.outcome`, of `latencies` the numbers of the histogram's buckets, of
-- `denied` the users that were refused most.
CREATE TABLE decision_minutes (
  minute timestamptz NOT NULL,
  gate text NOT NULL,
  span_s bigint NOT NULL DEFAULT 60 CHECK (span_s IN (60, 3600)),
  decisions jsonb NOT NULL,
  latencies jsonb NOT NULL,
  denied jsonb NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (minute, gate)
);

-- For the users with the most tokens of a window.
CREATE INDEX ledger_hourly_hour ON ledger_hourly (hour, account_kind);
-- What was booked lately, at next to no cost for bookers: entries are added in about this order.
CREATE INDEX ledger_booked ON ledger USING brin (booked_at) WITH (pages_per_range = 16);

-- What is left of each account by the books, for lists that are sorted by it. Refreshed after bookings and changes by
-- one gate; an account that has never had a grant has no row.
CREATE TABLE account_budgets (
  account_kind text NOT NULL,
  account_id text NOT NULL,
  -- As stored with the account; NULL: the default plan's.
  plan text,
  limit_tokens bigint NOT NULL,
  -- Debt included: limit + debt = used + held + remaining.
  used bigint NOT NULL,
  held bigint NOT NULL,
  remaining bigint NOT NULL,
  debt bigint NOT NULL,
  used_share double precision NOT NULL,
  resets_at timestamptz,
  -- When a grant of it ends next.
  changes_at timestamptz,
  refreshed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_kind, account_id)
);
CREATE INDEX account_budgets_share ON account_budgets (used_share DESC, account_kind, account_id);
CREATE INDEX account_budgets_remaining ON account_budgets (remaining, account_kind, account_id);
CREATE INDEX account_budgets_used ON account_budgets (used DESC, account_kind, account_id);
CREATE INDEX account_budgets_plan ON account_budgets (plan);
CREATE INDEX account_budgets_changes ON account_budgets (changes_at) WHERE changes_at IS NOT NULL;

-- How far the summary is: bookings by their time, changes by the outbox's ids.
CREATE TABLE account_budgets_progress (
  is_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_only_row),
  booked_at timestamptz NOT NULL,
  outbox_id bigint NOT NULL
);

-- Works out the rows of the accounts named. Of the period grants one counts, as in `lua/load.lua`: the last that was
-- paid or set, else the calendar's last.
CREATE FUNCTION refresh_account_budgets(kinds text[], ids text[]) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  changed bigint;
BEGIN
  WITH account AS (
    SELECT DISTINCT kind, id FROM unnest(kinds, ids) AS a (kind, id)),
  live AS (
    SELECT g.*, g.series || g.number AS name,
      CASE WHEN g.kind = 'period' THEN row_number() OVER (
        PARTITION BY g.account_kind, g.account_id, g.kind
        ORDER BY g.series = 'g' DESC, g.period_start DESC NULLS LAST, g.number DESC) ELSE 1 END AS place
    FROM account a JOIN grants g ON g.account_kind = a.kind AND g.account_id = a.id
    WHERE g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > now())),
  held AS (
    SELECT a.kind, a.id, part.name, sum(part.tokens)::bigint AS tokens
    FROM account a
    JOIN holds h ON a.kind = 'user' AND h.user_id = a.id AND h.state = 'open'
      OR a.kind = 'tenant' AND h.tenant_id = a.id AND NOT h.tenant_closed
    CROSS JOIN LATERAL unnest(
      CASE a.kind WHEN 'user' THEN h.user_grants ELSE h.tenant_grants END,
      CASE a.kind WHEN 'user' THEN h.user_amounts ELSE h.tenant_amounts END) AS part (name, tokens)
    GROUP BY 1, 2, 3),
  summed AS (
    SELECT a.kind, a.id, count(l.name) AS grants,
      coalesce(sum(greatest(l.tokens, l.used + coalesce(h.tokens, 0))), 0) AS tokens,
      coalesce(sum(l.used), 0) AS used, coalesce(sum(h.tokens), 0) AS held,
      max(l.period_end) FILTER (WHERE l.kind = 'period') AS resets_at, min(l.expires_at) AS changes_at
    FROM account a
    LEFT JOIN live l ON l.account_kind = a.kind AND l.account_id = a.id AND l.place = 1
    LEFT JOIN held h ON h.kind = a.kind AND h.id = a.id AND h.name = l.name
    GROUP BY 1, 2),
  budget AS (
    SELECT s.kind, s.id, coalesce(u.plan, t.plan) AS plan, s.tokens, s.held, s.resets_at, s.changes_at,
      greatest(coalesce(b.debt, 0), 0) AS debt, s.used + greatest(coalesce(b.debt, 0), 0) AS used, s.grants,
      u.id IS NOT NULL OR t.id IS NOT NULL AS is_known
    FROM summed s
    LEFT JOIN account_balances b ON b.account_kind = s.kind AND b.account_id = s.id
    LEFT JOIN users u ON s.kind = 'user' AND u.id = s.id
    LEFT JOIN tenants t ON s.kind = 'tenant' AND t.id = s.id),
  gone AS (
    DELETE FROM account_budgets o USING budget b
    WHERE o.account_kind = b.kind AND o.account_id = b.id AND (NOT b.is_known OR b.grants = 0 AND b.debt = 0)),
  kept AS (
    INSERT INTO account_budgets AS o (account_kind, account_id, plan, limit_tokens, used, held, remaining, debt,
      used_share, resets_at, changes_at)
    SELECT kind, id, plan, tokens, used, held, tokens + debt - used - held, debt,
      CASE WHEN tokens > 0 THEN used::double precision / tokens::double precision ELSE 1 END, resets_at, changes_at
    FROM budget WHERE is_known AND (grants > 0 OR debt > 0) ORDER BY 1, 2
    ON CONFLICT (account_kind, account_id) DO UPDATE SET plan = excluded.plan,
      limit_tokens = excluded.limit_tokens, used = excluded.used, held = excluded.held,
      remaining = excluded.remaining, debt = excluded.debt, used_share = excluded.used_share,
      resets_at = excluded.resets_at, changes_at = excluded.changes_at, refreshed_at = excluded.refreshed_at
    RETURNING 1)
  SELECT count(*) INTO changed FROM kept;
  RETURN changed;
END $$;

-- Works out what has changed since the last call: accounts with bookings, with changes, and with grants that ended.
-- What a transaction writes bears the time of its start, and shows at its end: so this goes on from where the oldest
-- one that is still open began.
CREATE FUNCTION refresh_changed_budgets() RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  last account_budgets_progress;
  settled timestamptz;
  kinds text[];
  ids text[];
BEGIN
  SELECT * INTO last FROM account_budgets_progress FOR UPDATE;
  SELECT least(now(), min(xact_start)) INTO settled FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid();
  SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (
    SELECT 'user' AS kind, user_id AS id FROM ledger
    WHERE booked_at >= last.booked_at - interval '1 second' AND user_id IS NOT NULL
    UNION
    SELECT 'tenant', tenant_id FROM ledger
    WHERE booked_at >= last.booked_at - interval '1 second' AND tenant_id IS NOT NULL
    UNION
    SELECT account_kind, account_id FROM outbox
    WHERE id > last.outbox_id - 1000 AND created_at >= last.booked_at - interval '1 second'
    UNION
    SELECT account_kind, account_id FROM account_budgets WHERE changes_at <= now()) AS changed;
  UPDATE account_budgets_progress SET booked_at = settled,
    outbox_id = greatest(outbox_id, coalesce((SELECT max(id) FROM outbox), 0));
  RETURN refresh_account_budgets(kinds, ids);
END $$;

INSERT INTO account_budgets_progress (booked_at, outbox_id)
VALUES (now() - interval '1 minute', coalesce((SELECT max(id) FROM outbox), 0));
SELECT refresh_account_budgets(array_agg(account_kind), array_agg(account_id))
FROM (SELECT DISTINCT account_kind, account_id FROM grants) AS account;
