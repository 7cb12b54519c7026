-- Whoever tells Redis itself before it answers says so by `tollgate.announce = outbox` in its transaction: then
-- nobody is notified, and the row in the outbox is for the case that it dies. Commits that notify are done one
-- after the other, over the whole database, and each would be told to every gate: with the renewals of the first
-- of a month that is what would slow the checks down.
CREATE OR REPLACE FUNCTION announce_accounts(kind text, ids text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  -- A restored dump may bring rows with transaction ids yet to come: such a row is made pending again.
  INSERT INTO outbox (account_kind, account_id)
  SELECT DISTINCT kind, id FROM unnest(ids) AS id WHERE id IS NOT NULL ORDER BY id
  ON CONFLICT (account_kind, account_id, transaction_id) DO UPDATE SET applied_at = NULL;
  IF current_setting('tollgate.announce', true) = 'outbox' THEN
    RETURN;
  END IF;
  -- With the version, so that older rights can be fenced off before the new ones are read; an account that is
  -- gone gets one that is newer than any it had.
  PERFORM pg_notify('tollgate_outbox', kind || ':' || id || ':' || coalesce(
    CASE kind WHEN 'user' THEN (SELECT version FROM users WHERE users.id = account.id)
      ELSE (SELECT version FROM tenants WHERE tenants.id = account.id) END, nextval('versions')))
  FROM unnest(ids) AS account (id) WHERE id IS NOT NULL;
END $$;
