-- The status that its own subscriptions give an account, kept with the account: a list of those in one status is then
-- read by one index, whatever else is asked of it (docs/QUERIES.md). A user's status is the tenant's where that has
-- one, else the user's own.

-- Of the subscription that speaks: live ones first, then the one of the account's plan, then the latest. NULL without
-- any.
CREATE FUNCTION speaking_status(kind text, account text, account_plan text) RETURNS text
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT status FROM (
    SELECT * FROM subscriptions WHERE kind = 'user' AND user_id = account AND tenant_id IS NULL
    UNION ALL
    SELECT * FROM subscriptions WHERE kind = 'tenant' AND tenant_id = account) AS candidate
  ORDER BY status IN ('active', 'trialing', 'past_due') DESC,
    status IN ('active', 'trialing', 'past_due') AND plan IS NOT DISTINCT FROM account_plan DESC,
    current_period_end DESC NULLS LAST, created_at DESC, stripe_subscription_id
  LIMIT 1
$$;

-- Without the triggers: it changes nothing that an account may do.
ALTER TABLE users ADD COLUMN own_status text, DISABLE TRIGGER USER;
UPDATE users SET own_status = speaking_status('user', id, plan)
WHERE id IN (SELECT user_id FROM subscriptions WHERE tenant_id IS NULL);
ALTER TABLE users ENABLE TRIGGER USER;
ALTER TABLE tenants ADD COLUMN own_status text, DISABLE TRIGGER USER;
UPDATE tenants SET own_status = speaking_status('tenant', id, plan)
WHERE id IN (SELECT tenant_id FROM subscriptions);
ALTER TABLE tenants ENABLE TRIGGER USER;

CREATE INDEX users_own_status ON users (own_status, id) WHERE own_status IS NOT NULL;
CREATE INDEX users_own_status_plan ON users (own_status, plan, id) WHERE own_status IS NOT NULL;
CREATE INDEX tenants_own_status ON tenants (own_status, id) WHERE own_status IS NOT NULL;
DROP INDEX subscriptions_user_status;
DROP INDEX subscriptions_tenant_status;

CREATE OR REPLACE FUNCTION give_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.version := nextval('versions');
    NEW.own_status := speaking_status(rtrim(TG_TABLE_NAME, 's'), NEW.id, NEW.plan);
    IF NEW.plan IS NOT NULL THEN
      NEW.plan_changed_at := coalesce(NEW.plan_changed_at, now());
    END IF;
    RETURN NEW;
  END IF;
  IF NEW.plan IS DISTINCT FROM OLD.plan AND NEW.plan_changed_at IS NOT DISTINCT FROM OLD.plan_changed_at
  THEN
    NEW.plan_changed_at := now();
  END IF;
  -- A plan may let another subscription speak; and a version that is raised may have been so for one.
  IF NEW.version = 0 OR NEW.plan IS DISTINCT FROM OLD.plan OR NEW.id <> OLD.id THEN
    NEW.own_status := speaking_status(rtrim(TG_TABLE_NAME, 's'), NEW.id, NEW.plan);
  END IF;
  -- What decides nothing (email, name, customer, status, time stamps) needs no new version.
  IF to_jsonb(NEW) - '{email,name,stripe_customer_id,own_status,plan_changed_at,created_at}'::text[]
    IS DISTINCT FROM
    to_jsonb(OLD) - '{email,name,stripe_customer_id,own_status,plan_changed_at,created_at}'::text[]
  THEN
    NEW.version := nextval('versions');
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION subscriptions_changed() RETURNS trigger
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
  -- A version is raised once per transaction, a status may change again. The rows are locked by now. (A TRUNCATE has
  -- its rows still to lose, and leaves no status.)
  UPDATE users u SET own_status = s.status
  FROM (SELECT id, CASE WHEN TG_OP <> 'TRUNCATE' THEN speaking_status('user', id, plan) END AS status
    FROM users WHERE id = ANY (user_ids)) AS s
  WHERE u.id = s.id AND u.own_status IS DISTINCT FROM s.status;
  UPDATE tenants n SET own_status = s.status
  FROM (SELECT id, CASE WHEN TG_OP <> 'TRUNCATE' THEN speaking_status('tenant', id, plan) END AS status
    FROM tenants WHERE id = ANY (tenant_ids)) AS s
  WHERE n.id = s.id AND n.own_status IS DISTINCT FROM s.status;
  RETURN NULL;
END $$;
