-- What was allowed while the counters were away (`on_store_failure: allow`): written before the answer leaves,
-- charged when the counters are back, and kept a day longer for retries.

CREATE TABLE degraded_charges (
  -- Of the check that it stands for: the ledger has an entry of this operation once it is charged.
  operation_id text PRIMARY KEY CHECK (octet_length(operation_id) = 16),
  gate text NOT NULL,
  -- No reference: a user who is deleted meanwhile must not take the record along.
  user_id text NOT NULL,
  tenant_id text,
  feature text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('spend', 'usage', 'reserve')),
  tokens bigint NOT NULL CHECK (tokens BETWEEN 0 AND 999999999999999),
  at timestamptz NOT NULL DEFAULT now(),
  occurred_at timestamptz,
  -- As the caller sent it.
  metadata text,
  idempotency_key text,
  fingerprint text,
  hold_id text UNIQUE,
  expires_at timestamptz,
  -- What was reported as used so far: owed instead of the whole when the reservation runs out.
  reported_tokens bigint CHECK (reported_tokens BETWEEN 0 AND 999999999999999),
  on_expire text NOT NULL CHECK (on_expire IN ('charge', 'release')),
  state text NOT NULL CHECK (state IN ('final', 'open', 'settled', 'released', 'expired')),
  settled_tokens bigint CHECK (settled_tokens BETWEEN 0 AND 999999999999999),
  outcome text,
  -- The allowance as the answer showed it: limit, used, held, remaining, debt.
  budget bigint[] NOT NULL CHECK (cardinality(budget) = 5),
  -- No collector touches it before.
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  collected_at timestamptz,
  CHECK ((kind = 'reserve') = (hold_id IS NOT NULL AND expires_at IS NOT NULL AND state <> 'final')),
  CHECK ((state IN ('settled', 'released', 'expired')) = (settled_tokens IS NOT NULL)),
  CHECK ((idempotency_key IS NULL) = (fingerprint IS NULL))
);
CREATE UNIQUE INDEX degraded_charges_key ON degraded_charges (user_id, idempotency_key)
  WHERE idempotency_key IS NOT NULL;
CREATE INDEX degraded_charges_due ON degraded_charges (next_attempt_at) WHERE collected_at IS NULL;
CREATE INDEX degraded_charges_gate ON degraded_charges (gate, user_id) WHERE collected_at IS NULL;
CREATE INDEX degraded_charges_collected ON degraded_charges (collected_at) WHERE collected_at IS NOT NULL;
