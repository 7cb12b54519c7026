-- Gates keep service keys in memory for a moment: a change of any key tells them to look again.

CREATE FUNCTION keys_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM pg_notify('tollgate_outbox', 'keys');
  RETURN NULL;
END $$;
CREATE TRIGGER on_change AFTER INSERT OR DELETE OR UPDATE OF key_hash, kind, role, revoked_at ON api_keys
  FOR EACH STATEMENT EXECUTE FUNCTION keys_changed();
