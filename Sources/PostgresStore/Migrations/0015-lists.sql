-- What the lists are read by (docs/QUERIES.md), and whose word the audit of tokens takes.

CREATE INDEX users_plan ON users (plan, id);
CREATE INDEX tenants_plan ON tenants (plan, id);
CREATE INDEX subscriptions_user_status ON subscriptions (status, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX subscriptions_tenant_status ON subscriptions (status, tenant_id) WHERE tenant_id IS NOT NULL;
CREATE INDEX audit_log_at ON audit_log (at, id);
DROP INDEX audit_log_subject;
CREATE INDEX audit_log_subject ON audit_log (subject, at, id);
DROP INDEX audit_log_actor;
CREATE INDEX audit_log_actor ON audit_log (actor, at, id);
-- All that begin with a word are read by it too, whatever the collation.
DROP INDEX audit_log_action;
CREATE INDEX audit_log_action ON audit_log (action text_pattern_ops, at, id);
DROP INDEX webhook_events_open;
CREATE INDEX webhook_events_status ON webhook_events_processed (status, received_at, event_id);
CREATE INDEX webhook_events_type ON webhook_events_processed (type, received_at, event_id);

-- Part of an id or email is found by trigrams, where the database has the extension; else by a scan.
DO $$
DECLARE
  home text;
BEGIN
  SELECT nspname INTO home FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
  WHERE extname = 'pg_trgm' AND has_schema_privilege(n.oid, 'USAGE');
  IF home IS NOT NULL THEN
    EXECUTE format('CREATE INDEX users_search ON users
      USING gin (lower(id) %1$I.gin_trgm_ops, lower(email) %1$I.gin_trgm_ops)', home);
  END IF;
END $$;

-- tollgate.actor says that whoever changes a token audits it: only who may write the audit log is taken at
-- their word. And nobody but the trigger has a line written for them.
CREATE OR REPLACE FUNCTION audit_tokens(action text, before jsonb[], after jsonb[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  -- The role that was SET, where one was: poolers log in as another.
  role text := coalesce(nullif(current_setting('role'), 'none'), session_user);
BEGIN
  IF coalesce(current_setting('tollgate.actor', true), '') <> ''
    AND has_table_privilege(role, 'audit_log', 'INSERT')
  THEN
    RETURN;
  END IF;
  INSERT INTO audit_log (actor, action, subject, before, after)
  SELECT 'sql:' || role, action,
    'token:' || coalesce(one ->> 'id', other ->> 'id'), one - 'token_hash', other - 'token_hash'
  FROM unnest(before, after) AS change (one, other)
  ORDER BY 3;
END $$;
REVOKE ALL ON FUNCTION audit_tokens (text, jsonb[], jsonb[]) FROM PUBLIC;
