# A gate with stores of its own for benchmarks: everything they own is below .local/bench. Sourced, never run.
# shellcheck shell=bash
# shellcheck disable=SC2154 # root comes from the caller; the stores' variables from script/lib/stores.sh

bench_dir="$root/.local/bench"
state=$bench_dir
secrets="$bench_dir/secrets"
gate_pid=

# Prints the secret $1, which is made once, with $2 before it.
secret() {
  if [[ ! -s "$secrets/$1" ]]; then
    (umask 077 && mkdir -p "$secrets" && printf '%s%s\n' "$2" "$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')" >"$secrets/$1")
  fi
  cat "$secrets/$1"
}

# shellcheck disable=SC2317 # called by a trap
bench_stop() {
  local status=$?
  set +e
  trap - EXIT
  [[ -z "$gate_pid" ]] || stop_process "$gate_pid" 60
  redis_stop
  postgres_stop
  exit "$status"
}

# Starts Redis, Postgres and the gate with config $1, all of them empty.
bench_start() {
  local tenths=300
  install_missing >&2
  command -v wrk >/dev/null || as_root apt-get install -y -q wrk >&2
  mkdir -p "$bench_dir"
  chmod 711 "$root/.local" "$bench_dir"
  redis_paths
  postgres_paths
  trap bench_stop EXIT
  stop_leftovers >&2
  rm -rf "$redis_dir" "$state/postgres" "${postgres_outside:+$postgres_outside/postgres}"
  if [[ -z "${TOLLGATE_BIN:-}" ]]; then
    find_swift
    swift build --package-path "$root" -c release --product tollgate --static-swift-stdlib >&2
    TOLLGATE_BIN="$(swift build --package-path "$root" -c release --static-swift-stdlib --show-bin-path)/tollgate"
  fi
  redis_start >&2
  postgres_prepare >&2
  postgres_start >&2
  gate_port=$(free_port 18080)
  export TOLLGATE_CONFIG=$1 TOLLGATE_REDIS_URL="redis+unix://$redis_socket" TOLLGATE_POSTGRES_URL="$postgres_url"
  export TOLLGATE_GATE_LISTEN="127.0.0.1:$gate_port"
  TOLLGATE_ADMIN_LISTEN="127.0.0.1:$(free_port 18081 "$gate_port")"
  TOLLGATE_ADMIN_KEY=$(secret admin_key tga_)
  TOLLGATE_SERVICE_KEY=$(secret service_key tgs_)
  TOLLGATE_STRIPE_WEBHOOK_SECRETS=$(secret stripe_webhook_secret whsec_)
  export TOLLGATE_ADMIN_LISTEN TOLLGATE_ADMIN_KEY TOLLGATE_SERVICE_KEY TOLLGATE_STRIPE_WEBHOOK_SECRETS
  "$TOLLGATE_BIN" migrate >&2
  "$TOLLGATE_BIN" serve 2>"$bench_dir/gate.log" >/dev/null </dev/null &
  gate_pid=$!
  until [[ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$gate_port/readyz")" == 200 ]]; do
    alive "$gate_pid" || die "the gate ended: $(tail -n 3 "$bench_dir/gate.log")"
    ((tenths-- > 0)) || die "the gate is not ready; see $bench_dir/gate.log"
    sleep 0.1
  done
}

# Makes $2 users `$1-1`, … on plan $4, of tenant $3 if one is named, with a token `tle_bench_$1_…` each.
bench_users() {
  postgres_ask tollgate "
    INSERT INTO tollgate.tenants (id, plan) SELECT '$3', 'team' WHERE '$3' <> '' ON CONFLICT DO NOTHING;
    INSERT INTO tollgate.users (id, plan, tenant_id)
      SELECT '$1-' || n, '$4', nullif('$3', '') FROM generate_series(1, $2) AS n;
    INSERT INTO tollgate.extension_tokens (user_id, token_hash)
      SELECT '$1-' || n, sha256(('tle_bench_$1_' || lpad(n::text, 12, '0'))::bytea)
      FROM generate_series(1, $2) AS n;" >/dev/null
}

redis_ask() { redis-cli -s "$redis_socket" "$@"; }

# User and system CPU that Redis has used, in microseconds.
redis_cpu_us() {
  redis_ask INFO cpu | tr -d '\r' | awk -F: '/^used_cpu_(sys|user):/ { sum += $2 } END { printf "%d", sum * 1000000 }'
}

# Loads the gate for $1 seconds with script $2 of bench/wrk and tokens of kind $3.
bench_wrk() {
  BENCH_KIND=$3 BENCH_SERVICE_KEY=$TOLLGATE_SERVICE_KEY wrk -t1 -c64 -d"${1}s" --latency \
    -s "$root/bench/wrk/$2" "http://127.0.0.1:$gate_port"
}
