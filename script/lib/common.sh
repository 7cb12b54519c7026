# What script/server, script/test and script/bench share. Sourced, never run; the caller has set `root`.
# shellcheck shell=bash

# Tools of a plain Debian, also where PATH was cut down, and Swift where it usually lies.
export PATH="${PATH:-/usr/bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
if [[ -z "${HOME:-}" ]]; then
  HOME=$(getent passwd "$(id -u)" | cut -d: -f6)
  export HOME
fi

say() { printf '==> %s\n' "$*"; }

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

find_swift() {
  local place
  for place in "$HOME/.local/share/swiftly/bin" /opt/swift/usr/bin /usr/share/swift/usr/bin /usr/libexec/swift/bin; do
    command -v swift >/dev/null && return
    PATH="$PATH:$place"
  done
  command -v swift >/dev/null || die "swift is not in PATH; https://www.swift.org/install/linux has it"
}

# Prints the newest directory with Postgres' programs, or the one of version $1; fails if there is none.
postgres_bin() {
  local place
  while read -r place; do
    [[ -x "$place/initdb" && -x "$place/pg_ctl" && -x "$place/postgres" ]] || continue
    printf '%s\n' "$place"
    return
  done < <(
    find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -path "/usr/lib/postgresql/${1:-*}/bin" 2>/dev/null | sort -rV
    dirname "$(command -v initdb || echo /nowhere/initdb)"
  )
  return 1
}

# Runs a command as root: directly, or by sudo.
as_root() {
  if [[ $(id -u) -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "this needs root, and there is no sudo: $*"
  fi
}

# The Debian packages that are needed and missing, judged by what they bring.
missing_packages() {
  command -v redis-server >/dev/null || echo redis-server
  { postgres_bin '*' >/dev/null && command -v psql >/dev/null; } || echo postgresql
  command -v pkg-config >/dev/null || echo pkg-config
  [[ -e /usr/include/hiredis/hiredis.h ]] || echo libhiredis-dev
  { command -v pkg-config >/dev/null && pkg-config --exists libpq; } || echo libpq-dev
  { command -v pkg-config >/dev/null && pkg-config --exists libcrypto; } || echo libssl-dev
  if [[ -n "${needs_valgrind:-}" ]]; then
    command -v valgrind >/dev/null || echo valgrind
    command -v strip >/dev/null || echo binutils
  fi
  if [[ -n "${needs_python:-}" ]]; then
    python3 -c 'import ensurepip, venv' 2>/dev/null || printf '%s\n' python3 python3-venv
  fi
  if [[ -n "${needs_peers:-}" ]]; then
    command -v wrk >/dev/null || echo wrk
    command -v nginx >/dev/null || echo nginx
    [[ -e /usr/lib/nginx/modules/ngx_http_lua_module.so ]] || echo libnginx-mod-http-lua
    [[ -e /usr/share/lua/5.1/resty/core.lua ]] || echo lua-resty-core
    [[ -e /usr/share/doc/lua-cjson ]] || echo lua-cjson
  fi
  if [[ -n "${needs_browser:-}" ]]; then
    [[ -x /usr/bin/chromium ]] || echo chromium
    [[ -x /usr/bin/chromedriver ]] || echo chromium-driver
  fi
}

# Installs what is missing from Debian's archive. No server is started by it, now or at the next boot, and
# one that was installed before is left alone: its package isn't among the missing ones.
install_missing() {
  local packages
  mapfile -t packages < <(missing_packages)
  [[ ${#packages[@]} -eq 0 ]] && return
  command -v apt-get >/dev/null || die "missing, and there is no apt-get here: ${packages[*]}"
  say "Installing from the distribution's archive: ${packages[*]}"
  as_root bash -s -- "${packages[@]}" <<'ROOT' || die "the installation failed; see above"
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
saved=
# 101 forbids the packages' scripts to start a service. A policy that forbids already stays as it is.
if [[ ! -x "$policy" ]] || "$policy" redis-server start >/dev/null 2>&1; then
  if [[ -e "$policy" ]]; then
    saved="$policy.before-tollgate"
    mv "$policy" "$saved"
  fi
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"; if [[ -n "$saved" ]]; then mv "$saved" "$policy"; fi' EXIT
  trap 'exit 1' INT TERM HUP
fi
# Keeps the package from making a cluster of its own.
cluster=/etc/postgresql-common/createcluster.conf
if [[ ! -e "$cluster" ]]; then
  mkdir -p "${cluster%/*}"
  printf 'create_main_cluster = false\n' >"$cluster"
fi
options=(-y -q --no-install-recommends -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=120)
apt-get -q update </dev/null
apt-get "${options[@]}" install "$@" </dev/null
if command -v systemctl >/dev/null && [[ -d /run/systemd/system ]]; then
  for package in "$@"; do
    case "$package" in
      redis-server | postgresql | nginx) systemctl --quiet disable "$package.service" || true ;;
    esac
  done
fi
ROOT
}

# Whether nothing listens on TCP port $1, on any address.
port_is_free() {
  local hex
  hex=$(printf '%04X' "$1")
  ! cat /proc/net/tcp /proc/net/tcp6 2>/dev/null \
    | awk -v port=":$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }'
}

# Prints the first free port from $1 on that isn't among the further arguments.
free_port() {
  local port=$1 last=$(($1 + 200))
  shift
  for (( ; port < last; port++)); do
    [[ " $* " == *" $port "* ]] && continue
    if port_is_free "$port"; then
      printf '%s\n' "$port"
      return
    fi
  done
  die "no free port below $last"
}
