-- What keeps lists and the overview quick with a million users (docs/QUERIES.md).

-- Part of an id, email or name is found by trigrams. The extension comes with Postgres' contrib modules and may be made by
-- the database's owner; where neither is so, a search is a scan. True when the indexes are there.
CREATE FUNCTION make_search_indexes() RETURNS boolean
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  home text;
BEGIN
  BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
  EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR invalid_parameter_value THEN
    RAISE NOTICE 'pg_trgm can''t be installed (%): searching for part of an id or email will be a scan', SQLERRM;
  END;
  SELECT nspname INTO home FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
  WHERE extname = 'pg_trgm' AND has_schema_privilege(n.oid, 'USAGE');
  IF home IS NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('CREATE INDEX IF NOT EXISTS users_search ON users
    USING gin (lower(id) %1$I.gin_trgm_ops, lower(email) %1$I.gin_trgm_ops)', home);
  EXECUTE format('CREATE INDEX IF NOT EXISTS tenants_search ON tenants
    USING gin (lower(id) %1$I.gin_trgm_ops, lower(name) %1$I.gin_trgm_ops)', home);
  RETURN true;
END $$;
SELECT make_search_indexes();

-- One or two letters have no trigram: they are looked for at the beginning.
CREATE INDEX users_id_prefix ON users (lower(id) text_pattern_ops);
CREATE INDEX users_email_prefix ON users (lower(email) text_pattern_ops) WHERE email IS NOT NULL;
DROP INDEX users_email;

-- For the users with the most tokens of a long window.
CREATE INDEX ledger_daily_day ON ledger_daily (day, account_kind);

-- Events that were made for no target at all.
ALTER TABLE events ADD COLUMN is_sent boolean NOT NULL DEFAULT false;
UPDATE events e SET is_sent = true WHERE EXISTS (SELECT FROM event_deliveries d WHERE d.event_number = e.number);
CREATE INDEX events_unsent ON events (number) WHERE NOT is_sent;
CREATE FUNCTION deliveries_made() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  UPDATE events SET is_sent = true
  WHERE number IN (SELECT event_number FROM new_rows) AND NOT is_sent;
  RETURN NULL;
END $$;
CREATE TRIGGER on_insert AFTER INSERT ON event_deliveries REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION deliveries_made();

-- Minutes of all gates summed up to five minutes and to hours, for long windows. A sum may be missing at any time: then
-- the minutes are read. A minute that is written late takes its sums away.
CREATE TABLE decision_sums (
  span_s bigint NOT NULL CHECK (span_s IN (300, 3600)),
  start timestamptz NOT NULL,
  decisions jsonb NOT NULL,
  latencies jsonb NOT NULL,
  denied jsonb NOT NULL,
  PRIMARY KEY (span_s, start)
);

-- Makes sums that are missing, at most so many; how many it made.
CREATE FUNCTION sum_up_decisions(sums_max bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  made bigint;
BEGIN
  WITH missing AS (
    SELECT s.span_s, s.start FROM (
      SELECT DISTINCT span.seconds AS span_s,
        date_bin(span.seconds * interval '1 second', minute, to_timestamp(0)) AS start
      FROM decision_minutes, (VALUES (300::bigint), (3600)) AS span (seconds)
      WHERE decision_minutes.span_s = 60 AND minute >= date_trunc('hour', now() - interval '47 hours', 'UTC')) AS s
    -- Gates write their minutes every ten seconds, and once more when one is over.
    WHERE s.start + s.span_s * interval '1 second' < now() - interval '1 minute' AND NOT EXISTS (
      SELECT FROM decision_sums d WHERE d.span_s = s.span_s AND d.start = s.start)
    ORDER BY s.start DESC, s.span_s LIMIT sums_max),
  chosen AS MATERIALIZED (
    SELECT m.span_s, m.start, d.decisions, d.latencies, d.denied
    FROM missing m JOIN decision_minutes d
      ON d.minute >= m.start AND d.minute < m.start + m.span_s * interval '1 second'),
  part AS (
    SELECT span_s, start, 1 AS field, e.key, sum(e.value::bigint)::bigint AS n
    FROM chosen, jsonb_each_text(decisions) AS e GROUP BY 1, 2, 4
    UNION ALL
    SELECT span_s, start, 2, e.key, sum(e.value::bigint)::bigint
    FROM chosen, jsonb_each_text(latencies) AS e GROUP BY 1, 2, 4
    UNION ALL
    SELECT span_s, start, 3, key, n FROM (
      SELECT span_s, start, e.key, sum(e.value::bigint)::bigint AS n,
        row_number() OVER (PARTITION BY span_s, start ORDER BY sum(e.value::bigint) DESC) AS place
      FROM chosen, jsonb_each_text(denied) AS e GROUP BY 1, 2, 3) AS most WHERE place <= 100),
  put AS (
    INSERT INTO decision_sums (span_s, start, decisions, latencies, denied)
    SELECT span_s, start, coalesce(jsonb_object_agg(key, n) FILTER (WHERE field = 1), '{}'),
      coalesce(jsonb_object_agg(key, n) FILTER (WHERE field = 2), '{}'),
      coalesce(jsonb_object_agg(key, n) FILTER (WHERE field = 3), '{}')
    FROM (SELECT * FROM part UNION ALL SELECT span_s, start, 0, NULL, NULL FROM missing) AS p GROUP BY 1, 2
    ON CONFLICT DO NOTHING RETURNING 1)
  SELECT count(*) INTO made FROM put;
  RETURN made;
END $$;
