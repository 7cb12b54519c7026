-- What a rebuild has to know of a hold, sums per day and of shadowed limits, months that are archived, limits
-- of single users, and an audit line for tokens that change by plain SQL.

-- An open entry tells a hold's terms (tokens, expiry, allocations, periods), a closing one how it ended. They
-- are booked in any order, so each part of the row says which entry it is from.
ALTER TABLE holds
  -- NULL: it doesn't draw on that account; 1970: the account had no period.
  ADD COLUMN user_period_start timestamptz,
  ADD COLUMN tenant_period_start timestamptz,
  ADD COLUMN reported bigint,
  ADD COLUMN takes_feature_slot boolean NOT NULL DEFAULT false,
  ADD COLUMN feeds_estimate boolean NOT NULL DEFAULT false,
  ADD COLUMN draws_on_tenant boolean NOT NULL
    GENERATED ALWAYS AS (tenant_period_start IS NOT NULL OR cardinality(tenant_grants) > 0) STORED,
  -- The pool's side is resolved in the books; `state` is the user's side.
  ADD COLUMN tenant_closed boolean NOT NULL DEFAULT false,
  -- The entry that the terms are from; 0 while only closing entries have named the hold.
  ADD COLUMN terms_epoch bigint NOT NULL DEFAULT 0,
  ADD COLUMN terms_ms bigint NOT NULL DEFAULT 0,
  ADD COLUMN terms_seq bigint NOT NULL DEFAULT 0;
UPDATE holds SET tenant_closed = true WHERE state <> 'open';
UPDATE holds SET terms_epoch = epoch, terms_ms = stream_ms, terms_seq = stream_seq,
  epoch = 0, stream_ms = 0, stream_seq = 0 WHERE state = 'open';
DROP INDEX holds_tenant;
CREATE INDEX holds_tenant ON holds (tenant_id, expires_at) WHERE NOT tenant_closed AND tenant_id IS NOT NULL;
CREATE INDEX holds_tenant_expiry ON holds (expires_at, tenant_id)
  WHERE NOT tenant_closed AND draws_on_tenant;

ALTER TABLE ledger
  -- Bits of the limits in shadow mode that would have refused it.
  ADD COLUMN shadowed bigint NOT NULL DEFAULT 0,
  -- When the caller says that it happened; NULL: when it was told.
  ADD COLUMN occurred_at timestamptz;

-- Use per UTC day, feature and account: the sum of `ledger_hourly`, kept by the same statement.
CREATE TABLE ledger_daily (
  account_kind text NOT NULL,
  account_id text NOT NULL,
  day timestamptz NOT NULL,
  feature text NOT NULL,
  tokens bigint NOT NULL,
  entries bigint NOT NULL,
  PRIMARY KEY (account_kind, account_id, day, feature)
);
INSERT INTO ledger_daily (account_kind, account_id, day, feature, tokens, entries)
SELECT account_kind, account_id, date_trunc('day', hour, 'UTC'), feature, sum(tokens), sum(entries)
FROM ledger_hourly GROUP BY 1, 2, 3, 4;

-- What limits in shadow mode would have refused, per hour and user.
CREATE TABLE shadow_hourly (
  hour timestamptz NOT NULL,
  feature text NOT NULL,
  limit_name text NOT NULL,
  user_id text NOT NULL,
  entries bigint NOT NULL,
  -- What was asked for.
  tokens bigint NOT NULL,
  PRIMARY KEY (hour, feature, limit_name, user_id)
);

-- Months that are past the retention are summed up here, and their partition of the ledger is dropped.
CREATE TABLE ledger_archive (
  user_id text NOT NULL,
  -- '': none.
  tenant_id text NOT NULL DEFAULT '',
  feature text NOT NULL,
  -- Its first moment, in UTC.
  month timestamptz NOT NULL,
  tokens bigint NOT NULL,
  entries bigint NOT NULL,
  PRIMARY KEY (user_id, tenant_id, feature, month)
);
-- The archived part of what `grants.used` and `account_balances.debt` are the sums of.
CREATE TABLE ledger_archive_balances (
  account_kind text NOT NULL,
  account_id text NOT NULL,
  -- `g17` or `c1764547200000`; '': debt.
  grant_name text NOT NULL,
  tokens bigint NOT NULL,
  PRIMARY KEY (account_kind, account_id, grant_name)
);
-- Entries from before this moment may be gone from the ledger, and with them the keys that tell an entry that
-- is delivered again from a new one.
CREATE TABLE ledger_horizon (
  is_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_only_row),
  archived_before timestamptz NOT NULL
);
INSERT INTO ledger_horizon (archived_before) VALUES ('-infinity');

-- Sums up a month and drops its partition; false when it was not done (another gate is at it, there is no such
-- month, or a hold that has entries in it can still change), and is to be asked for again.
--
-- The partition is dropped by the transaction that sums it up, so that at every moment an entry counts once:
-- DETACH CONCURRENTLY, which takes two transactions, couldn't do that. What bookers wait for is the exclusive
-- lock on the ledger, so it is taken last, for the catalog change alone; the caller sets a lock_timeout below
-- deadlock_timeout, so that behind a long read it is this that gives up. While the sums are made, the month is
-- open to readers, and other months to bookers too.
CREATE FUNCTION ledger_archive_month(month timestamptz) RETURNS boolean
LANGUAGE plpgsql SET search_path FROM CURRENT SET TimeZone = 'UTC' AS $$
DECLARE
  name text := 'ledger_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
  is_needed boolean;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext(current_schema() || '.ledger_archive_month'))
    OR to_regclass(quote_ident(current_schema()) || '.' || quote_ident(name)) IS NULL
  THEN
    RETURN false;
  END IF;
  EXECUTE format('LOCK TABLE %I IN SHARE ROW EXCLUSIVE MODE', name);
  -- A closed hold stays in the mirror for two days: as long as a late settle may still correct it.
  EXECUTE format('SELECT EXISTS (SELECT FROM holds h JOIN %I l ON l.hold_id = h.id)', name) INTO is_needed;
  IF is_needed THEN
    RETURN false;
  END IF;
  EXECUTE format(
    'INSERT INTO ledger_archive AS a (user_id, tenant_id, feature, month, tokens, entries)
    SELECT user_id, coalesce(tenant_id, ''''), feature, $1, sum(tokens), count(*) FROM %I
    WHERE side <> ''t'' AND user_id IS NOT NULL
      AND (kind IN (''spend'', ''usage'', ''settle'', ''correct'') OR kind = ''expire'' AND tokens <> 0)
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (user_id, tenant_id, feature, month)
    DO UPDATE SET tokens = a.tokens + excluded.tokens, entries = a.entries + excluded.entries', name)
  USING month;
  EXECUTE format(
    'INSERT INTO ledger_archive_balances AS a (account_kind, account_id, grant_name, tokens)
    SELECT account_kind, account_id, grant_name, sum(tokens) FROM (
      SELECT ''user'' AS account_kind, user_id AS account_id, g.grant_name, g.tokens
      FROM %1$I, unnest(user_grants, user_amounts) AS g (grant_name, tokens)
      UNION ALL
      SELECT ''tenant'', tenant_id, g.grant_name, g.tokens
      FROM %1$I, unnest(tenant_grants, tenant_amounts) AS g (grant_name, tokens)
      UNION ALL
      SELECT ''user'', user_id, '''', user_debt FROM %1$I WHERE user_debt <> 0
      UNION ALL
      SELECT ''tenant'', tenant_id, '''', tenant_debt FROM %1$I WHERE tenant_debt <> 0) AS moved
    WHERE account_id IS NOT NULL
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (account_kind, account_id, grant_name) DO UPDATE SET tokens = a.tokens + excluded.tokens',
    name);
  UPDATE ledger_horizon SET archived_before = greatest(archived_before, month + interval '1 month');
  EXECUTE format('DROP TABLE %I', name);
  RETURN true;
END $$;

-- What was consumed: its sum per user is what that user ever used. An archived month is one row per user,
-- tenant and feature, of kind 'archive'.
CREATE OR REPLACE VIEW usage_entries AS
  SELECT operation_id, user_id, tenant_id, feature, tokens, kind, outcome, at
  FROM ledger
  WHERE side <> 't'
    AND (kind IN ('spend', 'usage', 'settle', 'correct') OR kind = 'expire' AND tokens <> 0)
  UNION ALL
  SELECT concat_ws(':', 'archive', to_char(month AT TIME ZONE 'UTC', 'YYYY-MM'), user_id, tenant_id, feature),
    user_id, nullif(tenant_id, ''), feature, tokens, 'archive', NULL, month
  FROM ledger_archive;

-- Limits of single users that take the place of their plan's.
CREATE TABLE limit_overrides (
  user_id text NOT NULL REFERENCES users ON UPDATE CASCADE ON DELETE CASCADE,
  -- '': the plan's own limit, whatever the feature.
  feature text NOT NULL DEFAULT '' CHECK (feature ~ '^[!-~]{0,128}$'),
  limit_name text NOT NULL
    CHECK (limit_name IN ('requests', 'tokens', 'concurrent', 'hourly_tokens', 'daily_tokens')),
  -- Of requests and tokens: so many per window; burst NULL: as count.
  count bigint CHECK (count BETWEEN 1 AND 1000000000000),
  window_s bigint CHECK (window_s BETWEEN 1 AND 86400),
  burst bigint CHECK (burst BETWEEN 1 AND 1000000000000),
  -- Of the others: holds open at once, or tokens.
  amount bigint CHECK (amount BETWEEN 0 AND CASE limit_name WHEN 'concurrent' THEN 256 ELSE 999999999999999 END),
  unlimited boolean NOT NULL DEFAULT false,
  -- From then on the plan's limit counts again; NULL: never.
  expires_at timestamptz CHECK (expires_at BETWEEN '1970-01-01 00:00+00' AND '9999-12-31 00:00+00'),
  reason text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, feature, limit_name),
  CONSTRAINT limit_overrides_shape CHECK (CASE
    WHEN unlimited THEN num_nonnulls(count, window_s, burst, amount) = 0
    WHEN limit_name IN ('requests', 'tokens') THEN num_nonnulls(count, window_s) = 2 AND amount IS NULL
    ELSE amount IS NOT NULL AND num_nonnulls(count, window_s, burst) = 0 END)
);

CREATE FUNCTION limits_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  ids text[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(DISTINCT user_id) INTO ids FROM new_rows;
  ELSIF TG_OP = 'DELETE' THEN
    SELECT array_agg(DISTINCT user_id) INTO ids FROM old_rows;
  ELSIF TG_OP = 'UPDATE' THEN
    SELECT array_agg(DISTINCT row ->> 'user_id') INTO ids FROM (
      (SELECT to_jsonb(n) - '{reason,created_at,updated_at}'::text[] AS row FROM new_rows n
        EXCEPT SELECT to_jsonb(o) - '{reason,created_at,updated_at}'::text[] FROM old_rows o)
      UNION ALL
      (SELECT to_jsonb(o) - '{reason,created_at,updated_at}'::text[] FROM old_rows o
        EXCEPT SELECT to_jsonb(n) - '{reason,created_at,updated_at}'::text[] FROM new_rows n)) AS changed;
  ELSE
    SELECT array_agg(DISTINCT user_id) INTO ids FROM limit_overrides;
  END IF;
  IF ids IS NOT NULL THEN
    -- This locks the users' rows, so that what is counted below can't grow meanwhile.
    PERFORM raise_versions(ids, NULL);
    IF EXISTS (
      SELECT FROM limit_overrides WHERE user_id = ANY (ids) GROUP BY user_id HAVING count(*) > 64)
    THEN
      RAISE EXCEPTION 'a user may have 64 limits of their own' USING ERRCODE = 'P0001';
    END IF;
  END IF;
  RETURN NULL;
END $$;
SELECT watch_table('limit_overrides', 'limits_changed', '');

-- Whoever changes a token without telling who they are (tollgate.actor, which Tollgate's own changes set for
-- their transaction, with an audit line of their own) is audited by their role.
CREATE FUNCTION audit_tokens(action text, before jsonb[], after jsonb[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF coalesce(current_setting('tollgate.actor', true), '') <> '' THEN
    RETURN;
  END IF;
  -- The role that was SET, where one was: poolers log in as another.
  INSERT INTO audit_log (actor, action, subject, before, after)
  SELECT 'sql:' || coalesce(nullif(current_setting('role'), 'none'), session_user), action,
    'token:' || coalesce(one ->> 'id', other ->> 'id'), one - 'token_hash', other - 'token_hash'
  FROM unnest(before, after) AS change (one, other)
  ORDER BY 3;
END $$;

CREATE OR REPLACE FUNCTION tokens_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  ids text[];
  before jsonb[];
  after jsonb[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(DISTINCT user_id), array_agg(to_jsonb(n)) INTO ids, after FROM new_rows n;
    PERFORM audit_tokens('token.issue', NULL, after);
  ELSIF TG_OP = 'DELETE' THEN
    SELECT array_agg(DISTINCT user_id), array_agg(to_jsonb(o)) INTO ids, before FROM old_rows o;
    PERFORM audit_tokens('token.revoke', before, NULL);
  ELSIF TG_OP = 'UPDATE' THEN
    -- A changed id is one token gone and another there.
    SELECT array_agg(to_jsonb(o)), array_agg(to_jsonb(n)),
      array_agg(DISTINCT o.user_id) || array_agg(DISTINCT n.user_id) INTO before, after, ids
    FROM old_rows o FULL JOIN new_rows n USING (id)
    WHERE (o.user_id, o.token_hash, o.expires_at) IS DISTINCT FROM (n.user_id, n.token_hash, n.expires_at);
    PERFORM audit_tokens('token.change', before, after);
  ELSE
    SELECT array_agg(DISTINCT user_id), array_agg(to_jsonb(t)) INTO ids, before FROM extension_tokens t;
    PERFORM audit_tokens('token.revoke', before, NULL);
  END IF;
  IF ids IS NOT NULL THEN
    PERFORM raise_versions(ids, NULL);
  END IF;
  RETURN NULL;
END $$;
