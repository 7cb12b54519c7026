# The private Redis and Postgres of script/server: everything they own is below $state. Sourced.
# shellcheck shell=bash
# shellcheck disable=SC2154 # root, state, secrets come from script/server

# A short name of this checkout, for directories outside it.
checkout_id() { printf '%s' "$root" | cksum | cut -d' ' -f1; }

alive() { [[ -n "${1:-}" && -d "/proc/$1" ]]; }

# Whether process $1 runs program $2: pids are given again.
runs() { alive "$1" && [[ "$(tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null)" == *"$2"* ]]; }

# Ends process $1: SIGTERM, and SIGKILL when it has not gone after $2 seconds.
stop_process() {
  local pid=$1 tenths=$(($2 * 10))
  alive "$pid" || return 0
  kill -TERM "$pid" 2>/dev/null || return 0
  while ((tenths-- > 0)); do
    # A zombie of ours is gone as far as its work is concerned.
    if ! alive "$pid" || grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" 2>/dev/null; then return 0; fi
    sleep 0.1
  done
  printf 'process %s did not stop in %s s and is killed\n' "$pid" "$2" >&2
  kill -KILL "$pid" 2>/dev/null || true
}

# Ends everything in the session that process $1 leads: a build's compilers are in groups of their own.
stop_session() {
  local pid
  [[ -n "$1" ]] || return 0
  while read -r pid; do
    kill -TERM "$pid" 2>/dev/null || true
  done < <(
    cat /proc/[0-9]*/stat 2>/dev/null \
      | awk -v leader="$1" '{ pid = $1; sub(/.*\) /, ""); if ($4 == leader) print pid }'
  )
  stop_process "$1" 10
}

# --- Redis ---------------------------------------------------------------------------------------

redis_paths() {
  redis_dir="$state/redis"
  redis_socket="$redis_dir/redis.sock"
  # The kernel takes 107 bytes for a socket's path.
  if ((${#redis_socket} > 100)); then
    redis_socket="/tmp/tollgate-$(id -u)-$(checkout_id)/redis.sock"
  fi
}

redis_start() {
  local tenths=300
  (umask 077 && mkdir -p "$redis_dir" "${redis_socket%/*}")
  [[ -O "${redis_socket%/*}" ]] || die "${redis_socket%/*} belongs to somebody else"
  say "Starting Redis on $redis_socket (log: $redis_dir/redis.log)"
  setsid redis-server --port 0 --unixsocket "$redis_socket" --unixsocketperm 700 --dir "$redis_dir" \
    --appendonly yes --appendfsync everysec --save "" --maxmemory-policy noeviction \
    --daemonize no --pidfile "" --logfile "$redis_dir/redis.log" </dev/null >/dev/null 2>&1 9>&- &
  redis_pid=$!
  printf '%s\n' "$redis_pid" >"$redis_dir/pid"
  until [[ "$(redis-cli -s "$redis_socket" ping 2>/dev/null)" == PONG ]]; do
    alive "$redis_pid" || die "Redis did not start: $(tail -n 3 "$redis_dir/redis.log" 2>/dev/null)"
    ((tenths-- > 0)) || die "Redis does not answer; see $redis_dir/redis.log"
    sleep 0.1
  done
}

redis_stop() {
  stop_process "${redis_pid:-}" 20
  rm -f "$redis_dir/pid"
  [[ "$redis_socket" == "$redis_dir"/* ]] || rmdir "${redis_socket%/*}" 2>/dev/null || true
}

# --- Postgres ------------------------------------------------------------------------------------

# Postgres refuses to run as root: then it runs as the user of its package.
as_postgres() {
  if [[ $(id -u) -ne 0 ]]; then
    "$@"
  else
    setpriv --reuid="$postgres_user" --regid="$(id -g "$postgres_user")" --clear-groups \
      env --chdir=/ HOME=/tmp "$@"
  fi
}

postgres_paths() {
  postgres_user=$(id -un)
  postgres_dir="$state/postgres"
  [[ $(id -u) -eq 0 ]] || return 0
  postgres_user=postgres
  id postgres >/dev/null 2>&1 || postgres_user=nobody
  postgres_outside="/var/lib/tollgate-dev-$(checkout_id)"
  # Its user must reach the data: a checkout below /root, for one, is closed to everybody else.
  if (cd / && as_postgres test -x "$state"); then
    return 0
  fi
  postgres_dir="$postgres_outside/postgres"
}

postgres_prepare() {
  local version password
  if [[ ! -d "$postgres_dir" ]]; then
    [[ "$postgres_dir" == "$state"/* ]] \
      || say "User $postgres_user can't reach $state: Postgres' data is in $postgres_dir"
    mkdir -p "$postgres_dir"
    chmod 700 "$postgres_dir"
    [[ $(id -u) -ne 0 ]] || chown "$postgres_user:" "$postgres_dir"
  fi
  version=$(as_postgres cat "$postgres_dir/data/PG_VERSION" 2>/dev/null || true)
  postgres_programs=$(postgres_bin "$version") \
    || die "the data in $postgres_dir is of Postgres $version, which is not installed; --fresh starts anew"
  [[ -z "$version" ]] || return 0
  say "Making a Postgres cluster in $postgres_dir"
  password=$(secret postgres_password pg_)
  # Nothing half made must be taken for a cluster later.
  as_postgres rm -rf "$postgres_dir/making"
  # shellcheck disable=SC2016 # $1 is the inner shell's
  printf '%s\n' "$password" | as_postgres sh -c 'umask 077 && cat >"$1"' sh "$postgres_dir/password"
  as_postgres "$postgres_programs/initdb" -D "$postgres_dir/making" \
    --username=tollgate --pwfile="$postgres_dir/password" --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 \
    >/dev/null || die "initdb failed; see above"
  as_postgres rm "$postgres_dir/password"
  as_postgres mv "$postgres_dir/making" "$postgres_dir/data"
}

postgres_start() {
  postgres_port=$(free_port 5432)
  [[ "$postgres_port" == 5432 ]] || say "Port 5432 is taken: Postgres gets $postgres_port"
  say "Starting Postgres on 127.0.0.1:$postgres_port (log: $postgres_dir/postgres.log)"
  # Before it is true, so that an interrupted start is stopped too.
  postgres_runs=1
  as_postgres "$postgres_programs/pg_ctl" -D "$postgres_dir/data" -l "$postgres_dir/postgres.log" -w -t 60 -s \
    -o "-c listen_addresses=127.0.0.1 -c port=$postgres_port -c unix_socket_directories=''" start \
    </dev/null 9>&- || die "Postgres did not start: $(as_postgres tail -n 5 "$postgres_dir/postgres.log")"
  PGPASSWORD=$(secret postgres_password pg_)
  # shellcheck disable=SC2034 # for script/server
  postgres_url="postgres://tollgate:$PGPASSWORD@127.0.0.1:$postgres_port/tollgate"
  if ! postgres_ask postgres "SELECT 1 FROM pg_database WHERE datname = 'tollgate'" | grep -q 1; then
    postgres_ask postgres 'CREATE DATABASE tollgate' >/dev/null
  fi
}

# Sends $2 to database $1.
postgres_ask() {
  PGPASSWORD="$PGPASSWORD" psql -X -q -A -t -h 127.0.0.1 -p "$postgres_port" -U tollgate -d "$1" -c "$2" </dev/null
}

postgres_stop() {
  [[ -n "${postgres_runs:-}" ]] || return 0
  as_postgres "$postgres_programs/pg_ctl" -D "$postgres_dir/data" -m fast -w -t 60 -s stop \
    </dev/null 9>&- 2>/dev/null || true
  postgres_runs=
}

# --- What a run that was killed left behind --------------------------------------------------------

stop_leftovers() {
  local pid program
  read -r pid program 2>/dev/null <"$state/gate.pid" || true
  if [[ -n "${pid:-}" ]] && runs "$pid" "$program"; then
    say "Stopping the gate that an earlier run left behind (process $pid)"
    stop_process "$pid" 30
  fi
  rm -f "$state/gate.pid"
  pid=
  read -r pid program 2>/dev/null <"$state/stripe-fake.pid" || true
  if [[ -n "${pid:-}" ]] && runs "$pid" "$program"; then
    say "Stopping the fake Stripe that an earlier run left behind (process $pid)"
    stop_process "$pid" 10
  fi
  rm -f "$state/stripe-fake.pid"
  pid=$(cat "$redis_dir/pid" 2>/dev/null || true)
  if [[ -n "$pid" ]] && runs "$pid" "$redis_socket"; then
    say "Stopping the Redis that an earlier run left behind (process $pid)"
    stop_process "$pid" 20
  fi
  rm -f "$redis_dir/pid"
  if program=$(postgres_bin "$(as_postgres cat "$postgres_dir/data/PG_VERSION" 2>/dev/null || true)") \
    && as_postgres "$program/pg_ctl" -D "$postgres_dir/data" status >/dev/null 2>&1; then
    say "Stopping the Postgres that an earlier run left behind"
    as_postgres "$program/pg_ctl" -D "$postgres_dir/data" -m fast -w -t 60 -s stop || true
  fi
}
