-- What a payment costs: the same answers as before with less work, since the renewals of the first of a month are as
-- many rows as there are subscriptions.

-- Rows that are changed again and again keep room beside them for their next version: then no index is touched. Of
-- pages that are full already the next VACUUM FULL makes it so.
ALTER TABLE users SET (fillfactor = 85);
ALTER TABLE tenants SET (fillfactor = 85);
ALTER TABLE subscriptions SET (fillfactor = 85);
ALTER TABLE grants SET (fillfactor = 85);

-- One version per account and transaction, for all accounts at once.
CREATE OR REPLACE FUNCTION raise_versions(user_ids text[], tenant_ids text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  waiting text[];
BEGIN
  -- An outbox row of this transaction is there if and only if the version was raised in it. (By its time too: a
  -- restored dump may bring rows with transaction ids yet to come.) LIMIT keeps it a look into the index for each,
  -- however little is known of the table when it is planned.
  SELECT array_agg(DISTINCT wanted) INTO waiting
  FROM unnest(user_ids) AS wanted LEFT JOIN LATERAL (
    SELECT true AS is_raised FROM outbox WHERE account_kind = 'user' AND account_id = wanted
      AND transaction_id = pg_current_xact_id() AND created_at = now() LIMIT 1) AS earlier ON true
  WHERE wanted IS NOT NULL AND is_raised IS NULL;
  -- In the order of the ids, users before tenants: two that raise the same accounts wait for each other instead
  -- of dying in a deadlock. The row triggers give the versions.
  IF waiting IS NOT NULL THEN
    PERFORM FROM users WHERE id = ANY (waiting) ORDER BY id FOR NO KEY UPDATE;
    UPDATE users SET version = 0 WHERE id = ANY (waiting);
  END IF;
  SELECT array_agg(DISTINCT wanted) INTO waiting
  FROM unnest(tenant_ids) AS wanted LEFT JOIN LATERAL (
    SELECT true AS is_raised FROM outbox WHERE account_kind = 'tenant' AND account_id = wanted
      AND transaction_id = pg_current_xact_id() AND created_at = now() LIMIT 1) AS earlier ON true
  WHERE wanted IS NOT NULL AND is_raised IS NULL;
  IF waiting IS NOT NULL THEN
    PERFORM FROM tenants WHERE id = ANY (waiting) ORDER BY id FOR NO KEY UPDATE;
    UPDATE tenants SET version = 0 WHERE id = ANY (waiting);
  END IF;
END $$;

-- After each statement on users and tenants; the argument is the kind.
CREATE OR REPLACE FUNCTION accounts_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  ids text[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(id) INTO ids FROM new_rows;
  ELSIF TG_OP = 'DELETE' THEN
    SELECT array_agg(id) INTO ids FROM old_rows;
  ELSIF TG_OP = 'UPDATE' THEN
    -- A changed id is one account gone and another there.
    SELECT array_agg(id) INTO ids FROM old_rows o FULL JOIN new_rows n USING (id)
    WHERE o.version IS DISTINCT FROM n.version;
  ELSE
    EXECUTE format('SELECT array_agg(id) FROM %I', TG_TABLE_NAME) INTO ids;
  END IF;
  IF ids IS NOT NULL THEN
    PERFORM announce_accounts(TG_ARGV[0], ids);
  END IF;
  RETURN NULL;
END $$;
