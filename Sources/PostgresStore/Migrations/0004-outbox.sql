-- How Redis learns of a change, whoever made it: every change of what an account may do raises the
-- account's version, leaves an outbox row and notifies, in the transaction that makes it. The functions run
-- with the owner's rights and search path, since other systems' roles write to the tables.

CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_kind text NOT NULL CHECK (account_kind IN ('user', 'tenant')),
  account_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  applied_at timestamptz,
  -- One row per account and transaction is enough.
  transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
  UNIQUE (account_kind, account_id, transaction_id)
);
CREATE INDEX outbox_pending ON outbox (id) WHERE applied_at IS NULL;
CREATE INDEX outbox_applied ON outbox (applied_at) WHERE applied_at IS NOT NULL;

CREATE FUNCTION announce_accounts(kind text, ids text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  -- A restored dump may bring rows with transaction ids yet to come: such a row is made pending again.
  INSERT INTO outbox (account_kind, account_id)
  SELECT DISTINCT kind, id FROM unnest(ids) AS id WHERE id IS NOT NULL ORDER BY id
  ON CONFLICT (account_kind, account_id, transaction_id) DO UPDATE SET applied_at = NULL;
  -- With the version, so that older rights can be fenced off before the new ones are read; an account that is
  -- gone gets one that is newer than any it had.
  PERFORM pg_notify('tollgate_outbox', kind || ':' || id || ':' || coalesce(
    CASE kind WHEN 'user' THEN (SELECT version FROM users WHERE users.id = account.id)
      ELSE (SELECT version FROM tenants WHERE tenants.id = account.id) END, nextval('versions')))
  FROM unnest(ids) AS account (id) WHERE id IS NOT NULL;
END $$;

-- In the order of the ids, users before tenants: two that raise the same accounts wait for each other
-- instead of dying in a deadlock. The row triggers below give the versions.
CREATE FUNCTION raise_versions(user_ids text[], tenant_ids text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM FROM users WHERE id = ANY (user_ids) ORDER BY id FOR NO KEY UPDATE;
  UPDATE users SET version = 0 WHERE id = ANY (user_ids);
  PERFORM FROM tenants WHERE id = ANY (tenant_ids) ORDER BY id FOR NO KEY UPDATE;
  UPDATE tenants SET version = 0 WHERE id = ANY (tenant_ids);
END $$;

-- Before each row of users and tenants.
CREATE FUNCTION give_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.version := nextval('versions');
    IF NEW.plan IS NOT NULL THEN
      NEW.plan_changed_at := coalesce(NEW.plan_changed_at, now());
    END IF;
    RETURN NEW;
  END IF;
  IF NEW.plan IS DISTINCT FROM OLD.plan AND NEW.plan_changed_at IS NOT DISTINCT FROM OLD.plan_changed_at
  THEN
    NEW.plan_changed_at := now();
  END IF;
  -- What decides nothing (email, name, customer, time stamps) needs no new version.
  IF to_jsonb(NEW) - '{email,name,stripe_customer_id,plan_changed_at,created_at}'::text[]
    IS DISTINCT FROM
    to_jsonb(OLD) - '{email,name,stripe_customer_id,plan_changed_at,created_at}'::text[]
  THEN
    NEW.version := nextval('versions');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER give_version BEFORE INSERT OR UPDATE ON users
  FOR EACH ROW EXECUTE FUNCTION give_version();
CREATE TRIGGER give_version BEFORE INSERT OR UPDATE ON tenants
  FOR EACH ROW EXECUTE FUNCTION give_version();

-- After each statement on users and tenants; the argument is the kind.
CREATE FUNCTION accounts_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  ids text[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(id) INTO ids FROM new_rows;
  ELSIF TG_OP = 'DELETE' THEN
    SELECT array_agg(id) INTO ids FROM old_rows;
  ELSIF TG_OP = 'UPDATE' THEN
    SELECT array_agg(DISTINCT id) INTO ids FROM (
      (SELECT id, version FROM new_rows EXCEPT SELECT id, version FROM old_rows)
      UNION ALL
      (SELECT id, version FROM old_rows EXCEPT SELECT id, version FROM new_rows)) AS changed;
  ELSE
    EXECUTE format('SELECT array_agg(id) FROM %I', TG_TABLE_NAME) INTO ids;
  END IF;
  IF ids IS NOT NULL THEN
    PERFORM announce_accounts(TG_ARGV[0], ids);
  END IF;
  RETURN NULL;
END $$;

-- A token for a user that is not known here yet makes the user: whoever writes the token vouches for it.
CREATE FUNCTION token_makes_user() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO users (id) VALUES (NEW.user_id) ON CONFLICT (id) DO NOTHING;
  RETURN NEW;
END $$;
CREATE TRIGGER token_makes_user BEFORE INSERT OR UPDATE OF user_id ON extension_tokens
  FOR EACH ROW EXECUTE FUNCTION token_makes_user();

CREATE FUNCTION tokens_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  ids text[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(DISTINCT user_id) INTO ids FROM new_rows;
  ELSIF TG_OP = 'DELETE' THEN
    SELECT array_agg(DISTINCT user_id) INTO ids FROM old_rows;
  ELSIF TG_OP = 'UPDATE' THEN
    SELECT array_agg(DISTINCT user_id) INTO ids FROM (
      (SELECT id, user_id, token_hash, expires_at FROM new_rows
        EXCEPT SELECT id, user_id, token_hash, expires_at FROM old_rows)
      UNION ALL
      (SELECT id, user_id, token_hash, expires_at FROM old_rows
        EXCEPT SELECT id, user_id, token_hash, expires_at FROM new_rows)) AS changed;
  ELSE
    SELECT array_agg(DISTINCT user_id) INTO ids FROM extension_tokens;
  END IF;
  IF ids IS NOT NULL THEN
    PERFORM raise_versions(ids, NULL);
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION subscriptions_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  user_ids text[];
  tenant_ids text[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(user_id), array_agg(tenant_id) INTO user_ids, tenant_ids FROM new_rows;
  ELSIF TG_OP = 'DELETE' THEN
    SELECT array_agg(user_id), array_agg(tenant_id) INTO user_ids, tenant_ids FROM old_rows;
  ELSIF TG_OP = 'UPDATE' THEN
    SELECT array_agg(row ->> 'user_id'), array_agg(row ->> 'tenant_id') INTO user_ids, tenant_ids FROM (
      (SELECT to_jsonb(n) - 'updated_at' AS row FROM new_rows n
        EXCEPT SELECT to_jsonb(o) - 'updated_at' FROM old_rows o)
      UNION ALL
      (SELECT to_jsonb(o) - 'updated_at' FROM old_rows o
        EXCEPT SELECT to_jsonb(n) - 'updated_at' FROM new_rows n)) AS changed;
  ELSE
    SELECT array_agg(user_id), array_agg(tenant_id) INTO user_ids, tenant_ids FROM subscriptions;
  END IF;
  PERFORM raise_versions(user_ids, tenant_ids);
  RETURN NULL;
END $$;

-- Booking inserts calendar grants and raises `used`: news from Redis, not for it.
CREATE FUNCTION grants_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  accounts text[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(account_kind || ':' || account_id) INTO accounts FROM new_rows
    WHERE booked_at IS NULL;
  ELSIF TG_OP = 'DELETE' THEN
    SELECT array_agg(account_kind || ':' || account_id) INTO accounts FROM old_rows;
  ELSIF TG_OP = 'UPDATE' THEN
    -- The key columns of either row: those that USING merges.
    SELECT array_agg(account_kind || ':' || account_id) INTO accounts
    FROM old_rows o FULL JOIN new_rows n USING (account_kind, account_id, series, number)
    WHERE o.booked_at IS NOT DISTINCT FROM n.booked_at
      AND (o.kind, o.tokens, o.period_start, o.period_end, o.expires_at, o.priority, o.revoked_at)
        IS DISTINCT FROM
        (n.kind, n.tokens, n.period_start, n.period_end, n.expires_at, n.priority, n.revoked_at);
  ELSE
    SELECT array_agg(DISTINCT account_kind || ':' || account_id) INTO accounts FROM grants;
  END IF;
  IF accounts IS NOT NULL THEN
    PERFORM raise_versions(
      (SELECT array_agg(substr(account, 6)) FROM unnest(accounts) AS account WHERE account LIKE 'user:%'),
      (SELECT array_agg(substr(account, 8)) FROM unnest(accounts) AS account WHERE account LIKE 'tenant:%'));
  END IF;
  RETURN NULL;
END $$;

-- A trigger with transition tables takes one event, and TRUNCATE has no rows to show.
CREATE FUNCTION watch_table(target regclass, handler regproc, argument text) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER on_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION %s(%L)', target, handler, argument);
  EXECUTE format('CREATE TRIGGER on_update AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows
    NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION %s(%L)', target, handler, argument);
  EXECUTE format('CREATE TRIGGER on_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION %s(%L)', target, handler, argument);
  EXECUTE format('CREATE TRIGGER on_truncate BEFORE TRUNCATE ON %s
    FOR EACH STATEMENT EXECUTE FUNCTION %s(%L)', target, handler, argument);
END $$;
SELECT watch_table('users', 'accounts_changed', 'user');
SELECT watch_table('tenants', 'accounts_changed', 'tenant');
SELECT watch_table('extension_tokens', 'tokens_changed', '');
SELECT watch_table('subscriptions', 'subscriptions_changed', '');
SELECT watch_table('grants', 'grants_changed', '');
