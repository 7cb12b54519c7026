-- What billing keeps beyond the mirror: which invoices are paid, by which payments, and why a period grant
-- is not live.

ALTER TABLE grants ADD COLUMN is_trial boolean NOT NULL DEFAULT false;
-- 'suspended' may come back with its subscription; 'superseded' and 'refunded' never do. NULL where another
-- hand revoked it.
ALTER TABLE grants ADD COLUMN revoked_reason text
  CHECK (revoked_reason IN ('superseded', 'suspended', 'refunded'));
CREATE INDEX grants_subscription ON grants (subscription_id, period_start) WHERE subscription_id IS NOT NULL;

-- An invoice in here is paid: a `past_due` that names it is an old one.
CREATE TABLE paid_invoices (
  invoice_id text PRIMARY KEY,
  subscription_id text NOT NULL,
  noted_at timestamptz NOT NULL DEFAULT now()
);

-- Payment intents and charges, and what they bought: refunds and disputes name only these.
CREATE TABLE payment_purchases (
  payment_id text NOT NULL,
  source text NOT NULL CHECK (source IN ('invoice', 'checkout')),
  source_reference text NOT NULL,
  PRIMARY KEY (payment_id, source, source_reference)
);
