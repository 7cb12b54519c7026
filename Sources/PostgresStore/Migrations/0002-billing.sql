-- What Stripe says: subscriptions, prices, events.

CREATE TABLE subscriptions (
  stripe_subscription_id text PRIMARY KEY,
  stripe_customer_id text,
  user_id text,
  tenant_id text,
  plan text,
  price_id text,
  -- Stripe's word, whatever it is.
  status text NOT NULL,
  seats bigint NOT NULL DEFAULT 1 CHECK (seats >= 0),
  current_period_start timestamptz,
  current_period_end timestamptz,
  cancel_at_period_end boolean NOT NULL DEFAULT false,
  cancel_at timestamptz,
  canceled_at timestamptz,
  ended_at timestamptz,
  past_due_since timestamptz,
  trial_start timestamptz,
  trial_end timestamptz,
  pause_collection text,
  latest_invoice_id text,
  livemode boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX subscriptions_user ON subscriptions (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX subscriptions_tenant ON subscriptions (tenant_id) WHERE tenant_id IS NOT NULL;
CREATE INDEX subscriptions_customer ON subscriptions (stripe_customer_id);

CREATE TABLE plan_price_map (
  price_id text PRIMARY KEY,
  plan text NOT NULL CHECK (plan ~ '^[!-~]{1,128}$')
);

-- An event is stored before it is acted on: until it is done it counts as failed, and is replayed.
CREATE TABLE webhook_events_processed (
  event_id text PRIMARY KEY,
  type text NOT NULL,
  status text NOT NULL DEFAULT 'failed'
    CHECK (status IN ('processed', 'ignored', 'unmatched', 'failed')),
  received_at timestamptz NOT NULL DEFAULT now(),
  processed_at timestamptz,
  attempts bigint NOT NULL DEFAULT 0,
  detail text,
  payload bytea,
  api_version text,
  livemode boolean,
  created timestamptz,
  object_id text,
  stripe_customer_id text,
  stripe_subscription_id text
);
CREATE INDEX webhook_events_received ON webhook_events_processed (received_at, event_id);
CREATE INDEX webhook_events_open ON webhook_events_processed (status, received_at)
  WHERE status IN ('unmatched', 'failed');
CREATE INDEX webhook_events_customer ON webhook_events_processed (stripe_customer_id)
  WHERE status = 'unmatched';
