-- What may be spent, and what was: grants, balances, the ledger, holds.

CREATE SEQUENCE grant_numbers;

-- Grants are never deleted by Tollgate: the ledger names them.
CREATE TABLE grants (
  account_kind text NOT NULL DEFAULT 'user' CHECK (account_kind IN ('user', 'tenant')),
  account_id text NOT NULL,
  -- 'c': of a calendar period, 'r': rolled over into a period; their number is its start in milliseconds.
  -- 'g': made here.
  series text NOT NULL DEFAULT 'g' CHECK (series IN ('c', 'r', 'g')),
  number bigint NOT NULL DEFAULT nextval('grant_numbers') CHECK (number BETWEEN 0 AND 9007199254740991),
  kind text NOT NULL DEFAULT 'adjustment' CHECK (kind IN ('period', 'topup', 'rollover', 'adjustment')),
  tokens bigint NOT NULL CHECK (tokens BETWEEN 0 AND 999999999999999),
  -- The sum of the ledger's allocations, kept by booking.
  used bigint NOT NULL DEFAULT 0,
  period_start timestamptz,
  period_end timestamptz,
  expires_at timestamptz,
  priority bigint NOT NULL DEFAULT 100 CHECK (priority BETWEEN 0 AND 1000000),
  source text NOT NULL DEFAULT 'sql',
  source_reference text,
  subscription_id text,
  reason text,
  idempotency_key text,
  revoked_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  -- Changed by every booking, and by nothing else: a change that Redis made needs no news to Redis.
  booked_at timestamptz,
  -- Of a calendar grant: the entry that defined it last; 0 while only allocations have named it.
  defined_epoch bigint NOT NULL DEFAULT 0,
  defined_ms bigint NOT NULL DEFAULT 0,
  defined_seq bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (account_kind, account_id, series, number)
);
CREATE UNIQUE INDEX grants_period ON grants (subscription_id, period_start) WHERE kind = 'period';
CREATE UNIQUE INDEX grants_idempotency ON grants (account_kind, account_id, idempotency_key);
CREATE INDEX grants_source ON grants (source_reference) WHERE source_reference IS NOT NULL;

CREATE TABLE account_balances (
  account_kind text NOT NULL,
  account_id text NOT NULL,
  debt bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (account_kind, account_id)
);

-- The books: one row per entry of a usage stream, told apart by its stream id.
CREATE TABLE ledger (
  at timestamptz NOT NULL,
  epoch bigint NOT NULL,
  bucket bigint NOT NULL,
  stream_ms bigint NOT NULL,
  stream_seq bigint NOT NULL,
  -- 'b': user and tenant at once; 'u', 't': one of them.
  side text NOT NULL,
  kind text NOT NULL,
  operation_id text NOT NULL,
  user_id text,
  tenant_id text,
  feature text NOT NULL,
  tokens bigint NOT NULL,
  user_grants text[] NOT NULL,
  user_amounts bigint[] NOT NULL,
  user_debt bigint NOT NULL,
  tenant_grants text[] NOT NULL,
  tenant_amounts bigint[] NOT NULL,
  tenant_debt bigint NOT NULL,
  hold_id text,
  outcome text,
  -- As the caller sent it: it may be no good JSON, and must never keep an entry out of the books.
  metadata text,
  booked_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (at, epoch, bucket, stream_ms, stream_seq, side)
) PARTITION BY RANGE (at);
CREATE INDEX ledger_user ON ledger (user_id, at);
CREATE INDEX ledger_tenant ON ledger (tenant_id, at) WHERE tenant_id IS NOT NULL;
CREATE INDEX ledger_operation ON ledger (operation_id);
CREATE INDEX ledger_hold ON ledger (hold_id) WHERE hold_id IS NOT NULL;

-- Makes the months' partitions that are missing between two moments; how many it made. A partition is made
-- beside the ledger and then attached, which doesn't lock out bookers.
CREATE FUNCTION ledger_make_partitions(first timestamptz, last timestamptz) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  month timestamp := date_trunc('month', first AT TIME ZONE 'UTC');
  name text;
  made bigint := 0;
BEGIN
  IF month + interval '10 years' < last AT TIME ZONE 'UTC' THEN
    RAISE EXCEPTION 'too many partitions';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('tollgate.ledger_make_partitions'));
  WHILE month <= last AT TIME ZONE 'UTC' LOOP
    name := 'ledger_' || to_char(month, 'YYYY_MM');
    IF to_regclass(quote_ident(current_schema()) || '.' || quote_ident(name)) IS NULL THEN
      EXECUTE format('CREATE TABLE %I (LIKE ledger INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
      EXECUTE format('ALTER TABLE ledger ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name,
        month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
      made := made + 1;
    END IF;
    month := month + interval '1 month';
  END LOOP;
  RETURN made;
END $$;

-- How far each stream is booked.
CREATE TABLE ledger_progress (
  bucket bigint PRIMARY KEY,
  stream_ms bigint NOT NULL,
  stream_seq bigint NOT NULL
);

-- Use per hour, feature and account, a tenant's being that of its users.
CREATE TABLE ledger_hourly (
  account_kind text NOT NULL,
  account_id text NOT NULL,
  hour timestamptz NOT NULL,
  feature text NOT NULL,
  tokens bigint NOT NULL,
  entries bigint NOT NULL,
  PRIMARY KEY (account_kind, account_id, hour, feature)
);

-- The holds as the ledger tells of them.
CREATE TABLE holds (
  id text PRIMARY KEY,
  user_id text NOT NULL,
  tenant_id text,
  feature text NOT NULL,
  tokens bigint NOT NULL,
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  on_expire text NOT NULL,
  user_grants text[] NOT NULL,
  user_amounts bigint[] NOT NULL,
  tenant_grants text[] NOT NULL,
  tenant_amounts bigint[] NOT NULL,
  state text NOT NULL CHECK (state IN ('open', 'settled', 'released', 'expired')),
  settled_tokens bigint,
  -- The entry that this state is from.
  epoch bigint NOT NULL,
  stream_ms bigint NOT NULL,
  stream_seq bigint NOT NULL
);
CREATE INDEX holds_user ON holds (user_id, expires_at) WHERE state = 'open';
CREATE INDEX holds_tenant ON holds (tenant_id, expires_at) WHERE state = 'open' AND tenant_id IS NOT NULL;
CREATE INDEX holds_expiry ON holds (expires_at, user_id) WHERE state = 'open';
CREATE INDEX holds_closed ON holds (expires_at) WHERE state <> 'open';

-- One row, raised when Redis was found to have gone back in time.
CREATE TABLE counter_epoch (
  is_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_only_row),
  epoch bigint NOT NULL,
  raised_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO counter_epoch (epoch) VALUES (1);

-- What was consumed: its sum per user is what that user ever used.
CREATE VIEW usage_entries AS
  SELECT operation_id, user_id, tenant_id, feature, tokens, kind, outcome, at
  FROM ledger
  WHERE side <> 't'
    AND (kind IN ('spend', 'usage', 'settle', 'correct') OR kind = 'expire' AND tokens <> 0);
