-- What billing needs to be whole: which accounts an event changed, what an unmatched one waits for, the
-- payment history, customers that are yet to be made, how far a comparison with Stripe has come.

-- Another delivery of an event makes sure that Redis knows of these accounts (`user:u1`, `tenant:t1`).
ALTER TABLE webhook_events_processed ADD COLUMN accounts text[];
-- Of an unmatched one: `user:u1`, `customer:cus_1`, `email:a@b.c`, `price:price_1`, …
ALTER TABLE webhook_events_processed ADD COLUMN waits_for text[];
CREATE INDEX webhook_events_waiting ON webhook_events_processed USING gin (waits_for)
  WHERE status = 'unmatched';

-- Something appeared that an unmatched event waits for. Only a note: the event's own row may be locked by
-- whoever is just trying it, and an INSERT into `users` must not wait for that.
CREATE TABLE webhook_clues (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  clue text NOT NULL
);

CREATE FUNCTION clues_appeared(clues text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO webhook_clues (clue)
  SELECT clue FROM unnest(clues) AS clue
  WHERE clue IS NOT NULL AND EXISTS (
    SELECT FROM webhook_events_processed e WHERE e.status = 'unmatched' AND e.waits_for @> ARRAY[clue]);
END $$;

CREATE FUNCTION user_appeared() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM clues_appeared(ARRAY[
    'user:' || NEW.id, 'customer:' || NEW.stripe_customer_id, 'email:' || lower(NEW.email)]);
  RETURN NULL;
END $$;
CREATE TRIGGER appeared AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION user_appeared();
CREATE TRIGGER found AFTER UPDATE OF id, email, stripe_customer_id ON users FOR EACH ROW
  WHEN ((OLD.id, OLD.email, OLD.stripe_customer_id)
    IS DISTINCT FROM (NEW.id, NEW.email, NEW.stripe_customer_id))
  EXECUTE FUNCTION user_appeared();

CREATE FUNCTION tenant_appeared() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM clues_appeared(ARRAY['tenant:' || NEW.id, 'customer:' || NEW.stripe_customer_id]);
  RETURN NULL;
END $$;
CREATE TRIGGER appeared AFTER INSERT ON tenants FOR EACH ROW EXECUTE FUNCTION tenant_appeared();
CREATE TRIGGER found AFTER UPDATE OF id, stripe_customer_id ON tenants FOR EACH ROW
  WHEN ((OLD.id, OLD.stripe_customer_id) IS DISTINCT FROM (NEW.id, NEW.stripe_customer_id))
  EXECUTE FUNCTION tenant_appeared();

CREATE FUNCTION price_appeared() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM clues_appeared(ARRAY['price:' || NEW.price_id]);
  RETURN NULL;
END $$;
CREATE TRIGGER appeared AFTER INSERT OR UPDATE ON plan_price_map
  FOR EACH ROW EXECUTE FUNCTION price_appeared();

-- What was asked for and paid, per account: for the Billing tab, and for people who ask why.
CREATE TABLE billing_invoices (
  -- `in_…`, or `cs_…` of a purchase without an invoice.
  id text PRIMARY KEY,
  account_kind text NOT NULL CHECK (account_kind IN ('user', 'tenant')),
  account_id text NOT NULL,
  stripe_customer_id text,
  stripe_subscription_id text,
  number text,
  -- Stripe's word.
  status text,
  currency text,
  -- In the currency's smallest unit.
  amount_due bigint NOT NULL,
  amount_paid bigint NOT NULL,
  created_at timestamptz,
  period_start timestamptz,
  period_end timestamptz,
  hosted_url text,
  pdf_url text,
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX billing_invoices_account ON billing_invoices (account_kind, account_id, created_at DESC, id);

-- Accounts without a customer are the queue themselves; here is what their attempts came to.
CREATE INDEX users_without_customer ON users (created_at, id) WHERE stripe_customer_id IS NULL;
CREATE INDEX tenants_without_customer ON tenants (created_at, id) WHERE stripe_customer_id IS NULL;
CREATE TABLE customer_orders (
  account_kind text NOT NULL CHECK (account_kind IN ('user', 'tenant')),
  account_id text NOT NULL,
  -- Which customer of the account this is: part of Stripe's idempotency key.
  number bigint NOT NULL DEFAULT 1,
  -- As it was at the first attempt: Stripe takes a key only with the same parameters again.
  email text,
  attempts bigint NOT NULL DEFAULT 0,
  -- Also the lease of whoever is at it. `infinity`: nothing is to be done in the background.
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  last_error text,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_kind, account_id)
);

-- One row: one comparison with Stripe at a time.
CREATE TABLE stripe_sync (
  is_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_only_row),
  owner text,
  lease_until timestamptz,
  -- What was asked for: invoices since then; NULL with `stage`: all.
  since timestamptz,
  -- NULL: the last run came to its end.
  stage text CHECK (stage IN ('subscriptions', 'invoices', 'events')),
  cursor text,
  began_at timestamptz,
  -- Of the last run that came to its end.
  last_began_at timestamptz,
  finished_at timestamptz,
  -- seen, changed, unmatched of each stage in turn.
  counts bigint[] NOT NULL DEFAULT '{}'
);
INSERT INTO stripe_sync DEFAULT VALUES;
