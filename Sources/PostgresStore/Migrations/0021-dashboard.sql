-- Who is signed in to the dashboard, by the hash of a secret that only the browser has.

CREATE TABLE dashboard_sessions (
  secret_hash bytea PRIMARY KEY CHECK (octet_length(secret_hash) = 32),
  -- The admin key that it stands for; NULL: the environment's.
  key_id text REFERENCES api_keys ON UPDATE CASCADE ON DELETE CASCADE,
  -- Of the environment's key: SHA-256 of the secret and the key's hash, so that it ends with that key.
  bootstrap_proof bytea CHECK (octet_length(bootstrap_proof) = 32),
  started_at timestamptz NOT NULL DEFAULT now(),
  seen_at timestamptz NOT NULL DEFAULT now(),
  ends_at timestamptz NOT NULL,
  CHECK ((key_id IS NULL) = (bootstrap_proof IS NOT NULL))
);
CREATE INDEX dashboard_sessions_key ON dashboard_sessions (key_id) WHERE key_id IS NOT NULL;
CREATE INDEX dashboard_sessions_ends ON dashboard_sessions (ends_at);

-- A revoked key takes its sessions with it, whoever revokes it.
CREATE FUNCTION end_sessions_of_key() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  DELETE FROM dashboard_sessions WHERE key_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER end_sessions AFTER UPDATE OF revoked_at ON api_keys
  FOR EACH ROW WHEN (NEW.revoked_at IS NOT NULL) EXECUTE FUNCTION end_sessions_of_key();

-- For the list of all extension tokens, newest first.
CREATE INDEX extension_tokens_created ON extension_tokens (created_at, id);
