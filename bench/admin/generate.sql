-- Fills a migrated schema with an installation that has been used for months. psql -v users=1000000 -v entries=20000000
-- -v months=6 -v schema=tollgate -v older=''. On a cluster of its own alone: triggers and keys are off meanwhile, and the
-- rows of the books are consistent as far as the lists go, not to the token.
--
-- Use comes in sessions of five entries within an hour; a few users and tenants make up much of it. With `older`, a
-- tablespace, the months of the ledger before the last two lie there.
--
-- At no time it takes much more than the rows and indexes that it leaves: big tables are emptied in the transaction
-- that fills them, so that they need no WAL (wal_level=minimal), are vacuumed while they have no index, and get their
-- indexes one by one.
\set ON_ERROR_STOP on
\timing on
SET search_path TO :schema;
SET session_replication_role = replica;
SET synchronous_commit = off;
SET maintenance_work_mem = '512MB';
SET work_mem = '256MB';
SET max_parallel_maintenance_workers = 1;
SELECT setseed(0.42);
SELECT :entries / 5 AS sessions, :users / 50 AS tenants,
  date_trunc('hour', now()) - :months * interval '1 month' AS first,
  floor(extract(epoch FROM now() - (now() - :months * interval '1 month')) / 3600)::bigint AS hours \gset

-- Indexes of the big tables are made when the rows are in: those of a partitioned table part by part, each where its
-- part lies, and then the whole's, which takes them on.
CREATE TEMP TABLE later (target regclass, kept text, made text, place serial);
CREATE FUNCTION pg_temp.put_off(target regclass, keys_too boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  index record;
BEGIN
  FOR index IN
    SELECT c.conname, i.indexrelid::regclass AS name, pg_get_indexdef(i.indexrelid) AS made,
      pg_get_constraintdef(c.oid) AS kept
    FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('p', 'u')
    WHERE i.indrelid = target AND (c.oid IS NULL OR keys_too) ORDER BY i.indisprimary DESC
  LOOP
    IF index.conname IS NULL THEN
      INSERT INTO later (target, made) VALUES (target, replace(index.made, ' ON ONLY ', ' ON '));
      EXECUTE format('DROP INDEX %s', index.name);
    ELSE
      INSERT INTO later (target, kept, made) VALUES (
        target, index.kept, format('ALTER TABLE %s ADD CONSTRAINT %I %s', target, index.conname, index.kept));
      EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', target, index.conname);
    END IF;
  END LOOP;
END $$;
CREATE PROCEDURE pg_temp.make_put_off() LANGUAGE plpgsql AS $$
DECLARE
  one later;
  part record;
BEGIN
  FOR one IN SELECT * FROM later ORDER BY place LOOP
    FOR part IN
      SELECT inhrelid::regclass AS name, coalesce(t.spcname, '') AS home FROM pg_inherits
      JOIN pg_class c ON c.oid = inhrelid LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace
      WHERE inhparent = one.target ORDER BY c.relname
    LOOP
      PERFORM set_config('default_tablespace', part.home, false);
      EXECUTE coalesce(format('ALTER TABLE %s ADD ', part.name) || one.kept,
        regexp_replace(one.made, 'INDEX \S+ ON \S+', 'INDEX ON ' || part.name));
      COMMIT;
    END LOOP;
    PERFORM set_config('default_tablespace', '', false);
    EXECUTE one.made;
    COMMIT;
  END LOOP;
END $$;
SELECT ledger_make_partitions(:'first'::timestamptz, now());
CREATE TEMP TABLE part AS
SELECT c.oid::regclass AS name, to_date(right(c.relname, 7), 'YYYY_MM')::timestamp AT TIME ZONE 'UTC' AS month
FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = 'ledger'::regclass;
SELECT pg_temp.put_off(t::regclass, true) FROM unnest(ARRAY[
  'ledger', 'ledger_hourly', 'ledger_daily', 'audit_log', 'grants', 'webhook_events_processed']) AS t;
-- Others name these by their keys.
SELECT pg_temp.put_off(t::regclass, false) FROM unnest(ARRAY['users', 'extension_tokens', 'events']) AS t;
SELECT format('ALTER TABLE %s SET TABLESPACE %I', name, :'older') FROM part
WHERE :'older' <> '' AND month < date_trunc('month', now(), 'UTC') - interval '1 month' \gexec

-- Who there is.
INSERT INTO tenants (id, name, plan, plan_changed_at, seats, stripe_customer_id, version, created_at, own_status)
SELECT 'team-' || lpad(n::text, 6, '0'), 'Company ' || n || ' ' || (ARRAY['GmbH', 'Inc', 'Ltd', 'AG'])[1 + n % 4],
  CASE WHEN n % 3 > 0 THEN 'team' END, now() - random() * interval '900 days', 1 + n % 90, 'cus_t' || n, n,
  now() - random() * interval '900 days',
  CASE WHEN n % 3 > 0 THEN CASE WHEN n % 50 = 0 THEN 'past_due' ELSE 'active' END END
FROM generate_series(1, :tenants) AS n;

INSERT INTO users (id, email, plan, plan_changed_at, tenant_id, stripe_customer_id, version, created_at, own_status)
SELECT 'u_' || left(md5(n::text), 14),
  (ARRAY['ann', 'ben', 'carla', 'dmitri', 'elif', 'farid', 'grace', 'hiro', 'ines', 'jamal', 'kofi', 'lena', 'marta',
    'noor', 'olga', 'pavel', 'quinn', 'rosa', 'sven', 'tariq', 'uma', 'viktor', 'wen', 'ximena', 'yusuf', 'zoe'])
    [1 + n % 26] || '.' ||
  (ARRAY['smith', 'garcia', 'mueller', 'okafor', 'tanaka', 'ivanova', 'larsen', 'haddad', 'nguyen', 'silva', 'kowalski',
    'rossi', 'dubois', 'patel', 'yilmaz', 'kim', 'novak', 'jansen', 'eriksson', 'moreau', 'santos'])[1 + n / 26 % 21]
    || n || '@mail-' || n % 300 || '.example',
  CASE WHEN n % 10 < 3 THEN 'pro' WHEN n % 100 = 3 THEN 'team' WHEN n % 10 = 4 THEN 'free' END,
  CASE WHEN n % 10 < 5 THEN now() - random() * interval '500 days' END,
  CASE WHEN n % 5 < 2 THEN 'team-' || lpad((1 + floor(:tenants * random() ^ 3)::bigint)::text, 6, '0') END,
  CASE WHEN n % 10 < 3 THEN 'cus_' || n END, :tenants + n, now() - random() * interval '900 days',
  CASE WHEN n % 10 < 3 THEN
    CASE WHEN n % 100 = 0 THEN 'past_due' WHEN n % 100 = 1 THEN 'trialing' WHEN n % 1000 = 2 THEN 'unpaid'
      WHEN n % 10 = 2 THEN 'canceled' ELSE 'active' END
  END
FROM generate_series(1, :users) AS n;
SELECT setval('versions', 2 * (:users + :tenants));
CREATE TEMP TABLE numbered AS
SELECT n, 'u_' || left(md5(n::text), 14) AS id FROM generate_series(1, :users) AS n;
CREATE TEMP TABLE person AS
SELECT numbered.n, numbered.id, users.tenant_id, users.plan FROM numbered JOIN users USING (id);
DROP TABLE numbered;
ALTER TABLE person ADD PRIMARY KEY (n);
ANALYZE person;

INSERT INTO extension_tokens (id, user_id, token_hash, label, created_at, last_used_at, expires_at)
SELECT 'tok_' || md5('token' || n), p.id, sha256(('tle_bench_' || n)::bytea), 'browser ' || n % 7,
  now() - random() * interval '500 days', now() - random() * interval '60 days',
  CASE WHEN n % 9 = 0 THEN now() + interval '90 days' END
FROM generate_series(1, :users * 13 / 10) AS n JOIN (SELECT n AS nr, id FROM person) AS p ON p.nr = 1 + n % :users;

INSERT INTO subscriptions (stripe_subscription_id, stripe_customer_id, user_id, tenant_id, plan, price_id, status, seats,
  current_period_start, current_period_end, created_at)
SELECT 'sub_' || n, 'cus_' || n, id, NULL, 'pro', 'price_pro_monthly',
  CASE WHEN n % 100 = 0 THEN 'past_due' WHEN n % 100 = 1 THEN 'trialing' WHEN n % 1000 = 2 THEN 'unpaid'
    WHEN n % 10 = 2 THEN 'canceled' ELSE 'active' END,
  1, now() - n % 28 * interval '1 day', now() + (28 - n % 28) * interval '1 day', now() - n % 400 * interval '1 day'
FROM person WHERE n % 10 < 3
UNION ALL
SELECT 'sub_t' || n, 'cus_t' || n, NULL, 'team-' || lpad(n::text, 6, '0'), 'team', 'price_team',
  CASE WHEN n % 50 = 0 THEN 'past_due' ELSE 'active' END, 1 + n % 90, now() - n % 28 * interval '1 day',
  now() + (28 - n % 28) * interval '1 day', now() - n % 400 * interval '1 day'
FROM generate_series(1, :tenants) AS n WHERE n % 3 > 0;

INSERT INTO api_keys (kind, role, label, key_hash)
SELECT CASE WHEN n % 4 > 0 THEN 'service' ELSE 'admin' END, CASE WHEN n % 4 = 0 THEN 'viewer' END, 'key ' || n,
  sha256(('key' || n)::bytea) FROM generate_series(1, 300) AS n;
INSERT INTO limit_overrides (user_id, feature, limit_name, count, window_s, reason)
SELECT id, '', 'requests', 500, 60, 'asked for' FROM person WHERE n % 100 = 7;

-- What was used, in the order in which it is booked.
CREATE TEMP TABLE session AS
SELECT s::bigint AS number, 1 + floor(:users * random() ^ 3)::bigint AS n,
  :'first'::timestamptz + floor(:hours * sqrt(random())) * interval '1 hour' AS hour,
  (ARRAY['chat', 'chat', 'chat', 'research', 'images'])[1 + floor(5 * random())::int] AS feature
FROM generate_series(1, :sessions) AS s ORDER BY hour;
ANALYZE session;

CREATE TEMP VIEW entry AS
SELECT s.hour, entry.at, 1::bigint AS epoch, 0::bigint AS bucket, (extract(epoch FROM entry.at) * 1000)::bigint AS stream_ms,
  s.number * 8 + e.k AS stream_seq, 'b' AS side, entry.kind, 'op_' || s.number || '_' || e.k AS operation_id,
  p.id AS user_id, p.tenant_id, s.feature, (s.number * 7 + e.k * 131) % 4000 AS tokens, ARRAY['g' || p.n] AS user_grants,
  ARRAY[(s.number * 7 + e.k * 131) % 4000] AS user_amounts, 0::bigint AS user_debt, '{}'::text[] AS tenant_grants,
  '{}'::bigint[] AS tenant_amounts, 0::bigint AS tenant_debt,
  CASE WHEN entry.kind IN ('reserve', 'settle') THEN 'rsv_' || s.number || '_' || e.k / 2 END AS hold_id,
  CASE WHEN entry.kind = 'settle' THEN 'completed' END AS outcome,
  CASE WHEN s.number % 4 = 0 THEN '{"model":"large-2"}' END AS metadata, entry.at + interval '40 milliseconds' AS booked_at
FROM session s JOIN person p USING (n) CROSS JOIN generate_series(1, 5) AS e (k)
CROSS JOIN LATERAL (
  SELECT s.hour + ((s.number * 977 + e.k * 60013) % 3600000) * interval '1 millisecond' AS at,
    CASE WHEN s.number % 5 > 0 OR e.k = 5 THEN 'spend' WHEN e.k % 2 = 1 THEN 'reserve' ELSE 'settle' END AS kind
) AS entry;
SELECT unnest(ARRAY[
  'BEGIN', format('TRUNCATE %s', name),
  format('INSERT INTO %s (at, epoch, bucket, stream_ms, stream_seq, side, kind, operation_id, user_id, tenant_id, feature,
      tokens, user_grants, user_amounts, user_debt, tenant_grants, tenant_amounts, tenant_debt, hold_id, outcome, metadata,
      booked_at)
    SELECT at, epoch, bucket, stream_ms, stream_seq, side, kind, operation_id, user_id, tenant_id, feature,
      tokens, user_grants, user_amounts, user_debt, tenant_grants, tenant_amounts, tenant_debt, hold_id, outcome, metadata,
      booked_at
    FROM entry WHERE hour >= %L AND hour < %L', name, month, month + interval '1 month'),
  'COMMIT', format('VACUUM %s', name)]) FROM part ORDER BY month \gexec

BEGIN;
TRUNCATE ledger_hourly, ledger_daily;
INSERT INTO ledger_hourly (account_kind, account_id, hour, feature, tokens, entries)
SELECT 'user', p.id, s.hour, s.feature, sum((s.number * 7) % 4000 * 5), count(*) * 5
FROM session s JOIN person p USING (n) GROUP BY 2, 3, 4
UNION ALL
SELECT 'tenant', p.tenant_id, s.hour, s.feature, sum((s.number * 7) % 4000 * 5), count(*) * 5
FROM session s JOIN person p USING (n) WHERE p.tenant_id IS NOT NULL GROUP BY 2, 3, 4
-- Rows lie in the order in which use is booked.
ORDER BY 3;
DROP TABLE session CASCADE;
INSERT INTO ledger_daily (account_kind, account_id, day, feature, tokens, entries)
SELECT account_kind, account_id, date_trunc('day', hour, 'UTC'), feature, sum(tokens), sum(entries)
FROM ledger_hourly GROUP BY 1, 2, 3, 4 ORDER BY 3;
COMMIT;
VACUUM ledger_hourly, ledger_daily;
INSERT INTO ledger_progress (bucket, stream_ms, stream_seq) SELECT 0, max(stream_ms), 9 FROM ledger
ON CONFLICT (bucket) DO UPDATE SET stream_ms = excluded.stream_ms, stream_seq = excluded.stream_seq;

-- What may be used: last month's and this month's grant of each user, some top-ups, the pools.
BEGIN;
TRUNCATE grants;
INSERT INTO grants (account_kind, account_id, series, number, kind, tokens, used, period_start, period_end, expires_at,
  source, created_at, booked_at)
SELECT 'user', p.id, 'c', (extract(epoch FROM m.month) * 1000)::bigint, 'period', 50000, least(50000, floor(60000 * random() ^ 2)),
  m.month, m.month + interval '1 month', m.month + interval '1 month', 'plan', m.month, now()
FROM person p CROSS JOIN LATERAL (
  SELECT date_trunc('month', now(), 'UTC') - k * interval '1 month' AS month FROM generate_series(0, 1) AS k) AS m;
INSERT INTO grants (account_kind, account_id, number, kind, tokens, used, expires_at, source, created_at)
SELECT 'user', id, 1000 + n, 'topup', 100000, 0, now() + interval '300 days', 'checkout', now() - interval '40 days'
FROM person WHERE n % 10 = 7
UNION ALL
SELECT 'tenant', 'team-' || lpad(n::text, 6, '0'), n, 'period', 1000000, n % 1000000, now() + interval '20 days',
  'invoice', now() - interval '10 days' FROM generate_series(1, :tenants) AS n;
COMMIT;
VACUUM grants;
SELECT setval('grant_numbers', :users * 2 + 10);

INSERT INTO holds (id, user_id, tenant_id, feature, tokens, expires_at, created_at, on_expire, user_grants, user_amounts,
  tenant_grants, tenant_amounts, state, settled_tokens, epoch, stream_ms, stream_seq, terms_epoch, terms_ms,
  terms_seq, tenant_closed)
SELECT 'rsv_h' || n, id, tenant_id, 'chat', 1000, now() - n % 1000 * interval '1 minute', now() - interval '1 day',
  'charge', '{}', '{}', '{}', '{}', 'settled', 900, 1, n, 1, 1, n, 0, true
FROM person WHERE n % 5 = 1;

-- What operators look at: for half a year, and what is kept of Stripe's events and ours for a month and a quarter.
BEGIN;
TRUNCATE audit_log;
INSERT INTO audit_log (at, actor, action, subject, before, after, reason)
SELECT now() - (:users * 2 - n) * interval '180 days' / (:users * 2),
  CASE WHEN n % 5 = 0 THEN 'stripe:evt_' || n WHEN n % 3 = 0 THEN 'cli' ELSE 'key:key_' || n % 40 END,
  (ARRAY['user.put', 'token.issue', 'token.revoke', 'grant.add', 'budget.reset', 'subscription.change'])[1 + n % 6],
  CASE WHEN n % 6 IN (1, 2) THEN 'token:tok_' || md5('token' || n) ELSE 'user:' || p.id END,
  '{"plan": "free", "email": "somebody@mail.example"}', '{"plan": "pro", "email": "somebody@mail.example"}',
  CASE WHEN n % 7 = 0 THEN 'asked for' END
FROM generate_series(1, :users * 2) AS n JOIN (SELECT n AS nr, id FROM person) AS p ON p.nr = 1 + n % :users;
COMMIT;

BEGIN;
TRUNCATE webhook_events_processed;
INSERT INTO webhook_events_processed (event_id, type, status, received_at, processed_at, attempts, detail, payload,
  object_id, stripe_customer_id)
SELECT 'evt_' || n, (ARRAY['invoice.paid', 'customer.subscription.updated', 'invoice.created',
    'checkout.session.completed', 'charge.refunded'])[1 + n % 5],
  CASE WHEN n % 5 = 2 THEN 'ignored' WHEN n % 5000 = 1 THEN 'unmatched' WHEN n % 20000 = 3 THEN 'failed'
    ELSE 'processed' END,
  now() - (:users / 2 - n) * interval '28 days' / (:users / 2), now() - (:users / 2 - n) * interval '28 days' / (:users / 2), 1,
  NULL, convert_to('{"id":"evt_' || n || '","object":"event","data":"' || repeat('x', 500) || '"}', 'UTF8'),
  'in_' || n, 'cus_' || n
FROM generate_series(1, :users / 2) AS n;
COMMIT;
VACUUM audit_log, webhook_events_processed;

INSERT INTO events (id, type, account_kind, account_id, user_id, data, occurred_at, created_at, dedupe_key, unique_until)
SELECT 'evt_own_' || n, 'budget.threshold_reached', 'user', p.id, p.id, '{"percent": 80, "used": 40000, "limit": 50000}',
  now() - (:users / 2 - n) * interval '80 days' / (:users / 2), now() - (:users / 2 - n) * interval '80 days' / (:users / 2),
  'bench:' || n,
  now() + interval '1 month'
FROM generate_series(1, :users / 2) AS n JOIN (SELECT n AS nr, id FROM person) AS p ON p.nr = 1 + n * 7 % :users;
INSERT INTO event_deliveries (event_number, target, status, attempts, last_attempt_at, last_status, delivered_at)
SELECT number, target, CASE WHEN number % 3000 = 0 THEN 'failed' ELSE 'delivered' END, 1, created_at, 200,
  CASE WHEN number % 3000 > 0 THEN created_at END
FROM events CROSS JOIN unnest(ARRAY['crm', 'mailer']) AS target WHERE number % 10000 > 0;

INSERT INTO decision_minutes (minute, gate, span_s, decisions, latencies, denied)
SELECT minute, gate, span, figures.decisions, figures.latencies, figures.denied
FROM (
  SELECT date_trunc('minute', now()) - k * interval '1 minute' AS minute, 'gate-' || g AS gate, 60 AS span
  FROM generate_series(1, 2880) AS k, generate_series(1, 3) AS g
  UNION ALL
  SELECT date_trunc('hour', now()) - k * interval '1 hour', '', 3600 FROM generate_series(49, 720) AS k) AS span
CROSS JOIN LATERAL (
  SELECT (SELECT jsonb_object_agg('/v1/check.' || outcome, 1 + floor(random() * 900)) FROM unnest(ARRAY['allowed',
      'rate_limited', 'budget_exhausted', 'plan_required', 'token_invalid']) AS outcome WHERE span IS NOT NULL)
      AS decisions,
    (SELECT jsonb_object_agg(b, 1 + floor(random() * 90)) FROM generate_series(30, 75) AS b WHERE span IS NOT NULL)
      AS latencies,
    (SELECT coalesce(jsonb_object_agg(id, n), '{}') FROM (
      SELECT id, n FROM person WHERE n BETWEEN 1 + extract(epoch FROM minute)::bigint / 60 % 1000 * :users / 1000
        AND 100 + extract(epoch FROM minute)::bigint / 60 % 1000 * :users / 1000) AS p) AS denied) AS figures;
INSERT INTO shadow_hourly (hour, feature, limit_name, user_id, entries, tokens)
SELECT date_trunc('hour', now()) - n % 2000 * interval '1 hour', 'chat', 'requests', p.id, 3, 3000
FROM generate_series(1, :users / 5) AS n JOIN (SELECT n AS nr, id FROM person) AS p ON p.nr = 1 + n * 3 % :users ON CONFLICT DO NOTHING;
INSERT INTO billing_invoices (id, account_kind, account_id, number, status, currency, amount_due, amount_paid, created_at)
SELECT 'in_' || n || '_' || k, 'user', id, 'T-' || n, 'paid', 'eur', 2000, 2000, now() - k * interval '30 days'
FROM person CROSS JOIN generate_series(1, 3) AS k WHERE n % 10 < 3;

-- As the gates keep it.
INSERT INTO account_budgets (account_kind, account_id, plan, limit_tokens, used, held, remaining, debt, used_share,
  resets_at, changes_at)
SELECT g.account_kind, g.account_id, coalesce(u.plan, t.plan), sum(g.tokens), sum(g.used), 0, sum(g.tokens - g.used), 0,
  sum(g.used)::double precision / sum(g.tokens)::double precision, max(g.period_end), min(g.expires_at)
FROM grants g LEFT JOIN users u ON g.account_kind = 'user' AND u.id = g.account_id
LEFT JOIN tenants t ON g.account_kind = 'tenant' AND t.id = g.account_id
WHERE g.expires_at > now() GROUP BY 1, 2, 3;
UPDATE account_budgets_progress SET booked_at = now(), outbox_id = 0;

-- And now what the lists are read by.
CALL pg_temp.make_put_off();
-- As the gates keep them; a plan is no better than what is known of the rows.
SELECT sum_up_decisions(1000);
SELECT format('VACUUM %I', relname) FROM pg_class
WHERE relnamespace = :'schema'::regnamespace AND relkind = 'r' AND relallvisible = 0 AND relpages > 0 \gexec
ANALYZE;
