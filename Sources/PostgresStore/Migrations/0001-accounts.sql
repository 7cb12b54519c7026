-- Who there is: tenants, users, their tokens, the operators' keys.

-- One sequence for all versions: a version is never given twice, so that a user who is deleted and made
-- again can't be taken for the one that the caches knew.
CREATE SEQUENCE versions;

CREATE TABLE tenants (
  id text PRIMARY KEY CHECK (id ~ '^[!-~]{1,128}$'),
  name text,
  plan text CHECK (plan ~ '^[!-~]{1,128}$'),
  plan_changed_at timestamptz,
  seats bigint NOT NULL DEFAULT 1 CHECK (seats BETWEEN 1 AND 1000000),
  stripe_customer_id text,
  version bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tenants_customer ON tenants (stripe_customer_id) WHERE stripe_customer_id IS NOT NULL;

CREATE TABLE users (
  id text PRIMARY KEY CHECK (id ~ '^[!-~]{1,128}$'),
  email text,
  plan text CHECK (plan ~ '^[!-~]{1,128}$'),
  plan_changed_at timestamptz,
  tenant_id text REFERENCES tenants ON UPDATE CASCADE ON DELETE SET NULL,
  stripe_customer_id text,
  version bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX users_tenant ON users (tenant_id) WHERE tenant_id IS NOT NULL;
CREATE INDEX users_email ON users (lower(email)) WHERE email IS NOT NULL;
CREATE INDEX users_customer ON users (stripe_customer_id) WHERE stripe_customer_id IS NOT NULL;

-- A plain INSERT (user_id, token_hash) makes a token valid, a plain DELETE revokes it.
CREATE TABLE extension_tokens (
  id text PRIMARY KEY DEFAULT 'tok_' || replace(gen_random_uuid()::text, '-', '')
    CHECK (id ~ '^[!-~]{1,128}$'),
  user_id text NOT NULL REFERENCES users ON UPDATE CASCADE ON DELETE CASCADE,
  token_hash bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
  label text,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz,
  expires_at timestamptz
);
CREATE INDEX extension_tokens_user ON extension_tokens (user_id, created_at, id);

CREATE TABLE api_keys (
  id text PRIMARY KEY DEFAULT 'key_' || replace(gen_random_uuid()::text, '-', '')
    CHECK (id ~ '^[!-~]{1,128}$'),
  kind text NOT NULL CHECK (kind IN ('service', 'admin')),
  role text CHECK (role IN ('viewer', 'operator')),
  label text NOT NULL DEFAULT '',
  key_hash bytea NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32),
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz,
  revoked_at timestamptz,
  CHECK ((kind = 'admin') = (role IS NOT NULL))
);

CREATE TABLE settings (
  key text PRIMARY KEY,
  value jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- What was done, by whom: rows are added, and that is all.
CREATE TABLE audit_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  actor text NOT NULL,
  action text NOT NULL,
  subject text NOT NULL,
  before jsonb,
  after jsonb,
  reason text
);
CREATE INDEX audit_log_subject ON audit_log (subject, id);
CREATE INDEX audit_log_actor ON audit_log (actor, id);
CREATE INDEX audit_log_action ON audit_log (action, id);

CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit_log is append-only' USING ERRCODE = 'P0001';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only();
