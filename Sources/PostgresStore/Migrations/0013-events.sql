-- Events and their deliveries. Booking makes an event in the statement that books its entry, and with it one
-- delivery per target that is known then: a target that is added later begins with what happens later.

CREATE TABLE events (
  -- The order in which they were booked.
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text NOT NULL UNIQUE DEFAULT 'evt_' || replace(gen_random_uuid()::text, '-', ''),
  type text NOT NULL CHECK (type ~ '^[a-z_]+([.][a-z_]+)+$'),
  account_kind text NOT NULL CHECK (account_kind IN ('user', 'tenant')),
  account_id text NOT NULL,
  user_id text,
  tenant_id text,
  data jsonb NOT NULL CHECK (jsonb_typeof(data) = 'object'),
  occurred_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  -- What makes it one event, however often it is told of. The row has to stay for as long as that may be.
  dedupe_key text NOT NULL UNIQUE,
  unique_until timestamptz NOT NULL
);
CREATE INDEX events_account ON events (account_kind, account_id, number);
CREATE INDEX events_type ON events (type, number);
CREATE INDEX events_unique_until ON events (unique_until);

-- The targets of the gates' config files: a gate names its own at start, and then every minute.
CREATE TABLE event_targets (
  name text PRIMARY KEY,
  -- Empty: every type.
  types text[] NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT now(),
  -- It answered 410.
  paused_at timestamptz
);

CREATE SEQUENCE event_claims;

CREATE TABLE event_deliveries (
  event_number bigint NOT NULL REFERENCES events ON DELETE CASCADE,
  target text NOT NULL,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
  -- Since the event was booked or replayed.
  attempts bigint NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  pending_since timestamptz NOT NULL DEFAULT now(),
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  -- Who may make an attempt now, and until when: past that, whoever comes may.
  claim bigint,
  leased_until timestamptz,
  last_attempt_at timestamptz,
  last_status bigint,
  last_error text,
  delivered_at timestamptz,
  PRIMARY KEY (event_number, target),
  CHECK ((status = 'delivered') = (delivered_at IS NOT NULL)),
  CHECK ((claim IS NULL) = (leased_until IS NULL)),
  CHECK (status = 'pending' OR claim IS NULL)
);
CREATE INDEX event_deliveries_due ON event_deliveries (target, next_attempt_at, event_number)
  WHERE status = 'pending';
-- What operators look for; what was delivered is the most of it, and is found by the events themselves.
CREATE INDEX event_deliveries_pending ON event_deliveries (event_number) WHERE status = 'pending';
CREATE INDEX event_deliveries_failed ON event_deliveries (event_number) WHERE status = 'failed';
