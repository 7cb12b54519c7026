-- One version per account and transaction: what a transaction changes is seen at once, so a second one says
-- nothing new. A payment changes subscription, grants and plan in turn; each of them used to raise the version,
-- write the account's row and look for what changed.
CREATE OR REPLACE FUNCTION raise_versions(user_ids text[], tenant_ids text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  users_waiting text[] := '{}';
  tenants_waiting text[] := '{}';
  wanted text;
BEGIN
  -- An outbox row of this transaction is there if and only if the version was raised in it. (By its time too: a
  -- restored dump may bring rows with transaction ids yet to come.)
  FOREACH wanted IN ARRAY coalesce(user_ids, '{}') LOOP
    IF wanted IS NOT NULL AND NOT EXISTS (
      SELECT FROM outbox WHERE account_kind = 'user' AND account_id = wanted
        AND transaction_id = pg_current_xact_id() AND created_at = now())
    THEN
      users_waiting := users_waiting || wanted;
    END IF;
  END LOOP;
  FOREACH wanted IN ARRAY coalesce(tenant_ids, '{}') LOOP
    IF wanted IS NOT NULL AND NOT EXISTS (
      SELECT FROM outbox WHERE account_kind = 'tenant' AND account_id = wanted
        AND transaction_id = pg_current_xact_id() AND created_at = now())
    THEN
      tenants_waiting := tenants_waiting || wanted;
    END IF;
  END LOOP;
  -- In the order of the ids, users before tenants: two that raise the same accounts wait for each other instead
  -- of dying in a deadlock. The row triggers give the versions.
  IF users_waiting <> '{}' THEN
    PERFORM FROM users WHERE id = ANY (users_waiting) ORDER BY id FOR NO KEY UPDATE;
    UPDATE users SET version = 0 WHERE id = ANY (users_waiting);
  END IF;
  IF tenants_waiting <> '{}' THEN
    PERFORM FROM tenants WHERE id = ANY (tenants_waiting) ORDER BY id FOR NO KEY UPDATE;
    UPDATE tenants SET version = 0 WHERE id = ANY (tenants_waiting);
  END IF;
END $$;
