"""A gate with a Redis and a Postgres of its own, in a temporary folder that is gone afterwards."""

import hashlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "script/lib"))
from ports import free_port  # noqa: E402

CONFIG = """
default_plan: free
default_feature: chat
plans:
  free: {rank: 0, features: [chat], budget: {tokens: 50000, period: month}}
  pro: {rank: 1, features: [chat], prices: [price_pro], budget: {tokens: 1000000000, period: subscription}}
features:
  chat: {default_tokens: 1}
"""


class Stack:
    def __init__(self, binary, stripe="{}"):
        self.binary = binary
        self.config = f"{CONFIG}stripe: {stripe}\n"
        self.folder = Path(tempfile.mkdtemp(prefix="tollgate-bench-"))
        self.processes = []
        self.gate_port, self.admin_port = free_port(), free_port()
        self.redis_port, self.postgres_port = free_port(), free_port()
        self.webhook_secret = "whsec_" + secrets.token_hex(24)
        self.tokens = []

    def __enter__(self):
        try:
            self._start_redis()
            self._start_postgres()
            self._start_gate()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self):
        return f"postgres://tollgate@127.0.0.1:{self.postgres_port}/postgres"

    def sql(self, text):
        done = subprocess.run(
            [self.tools / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", self.url],
            input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"psql: {done.stderr}")
        return done.stdout.strip()

    def _quietly(self, text):
        """What is made beforehand is news to nobody."""
        self.sql(f"SET tollgate.announce = 'outbox'; {text}")

    def make_users(self, series, count, tokens=0):
        """Users with a subscription whose period is about to end, as a year of webhooks would have left them."""
        self._quietly(f"INSERT INTO tollgate.users (id, plan, stripe_customer_id) "
                 f"SELECT 'u_{series}' || n, 'pro', 'cus_{series}' || n FROM generate_series(0, {count} - 1) n;")
        self._quietly(
            "INSERT INTO tollgate.subscriptions (stripe_subscription_id, stripe_customer_id, user_id, plan, price_id,"
            " status, current_period_start, current_period_end) "
            f"SELECT 'sub_{series}' || n, 'cus_{series}' || n, 'u_{series}' || n, 'pro', 'price_pro', 'active',"
            f" now() - interval '30 days', now() FROM generate_series(0, {count} - 1) n")
        self._quietly(
            "INSERT INTO tollgate.grants (account_id, kind, tokens, period_start, period_end, expires_at, source,"
            " subscription_id) "
            f"SELECT 'u_{series}' || n, 'period', 1000000000, now() - interval '30 days', now(),"
            f" now() + interval '2 days', 'bench', 'sub_{series}' || n FROM generate_series(0, {count} - 1) n")
        rows = []
        for number in range(0, count, max(1, count // max(1, tokens))) if tokens else ():
            token = "tle_" + secrets.token_urlsafe(24)
            self.tokens.append(token)
            rows.append(f"('u_{series}{number}', '\\x{hashlib.sha256(token.encode()).hexdigest()}')")
        if rows:
            self._quietly(f"INSERT INTO tollgate.extension_tokens (user_id, token_hash) VALUES {','.join(rows)}")
        # Redis knows none of them yet: each is loaded when it is first asked for, and there is nothing to tell it.
        self.sql("UPDATE tollgate.outbox SET applied_at = now() WHERE applied_at IS NULL")
        self.sql("VACUUM ANALYZE")

    def cpu_s(self):
        """Seconds of CPU that each has used so far, Postgres with all its processes."""
        tick = os.sysconf("SC_CLK_TCK")
        times = {}
        for entry in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = entry.read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            # Of an ended child its parent has the time.
            times[int(entry.parent.name)] = (int(fields[1]), sum(int(field) for field in fields[11:15]))
        used = {"sender": sum(os.times()[:2])}
        for name, process in zip(("redis", "postgres", "gate"), self.processes):
            used[name] = sum(
                ticks for pid, (parent, ticks) in times.items() if process.pid in (pid, parent)) / tick
        return used

    def _spawn(self, name, command, environment=None):
        log = open(self.folder / f"{name}.log", "wb")
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        self.processes.append(process)
        return process

    def _wait(self, name, is_ready):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if is_ready():
                return
            time.sleep(0.05)
        raise SystemExit(f"{name} did not start: {(self.folder / f'{name}.log').read_text()[-2000:]}")

    def _listens(self, port):
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def _start_redis(self):
        self._spawn("redis", [
            "redis-server", "--port", str(self.redis_port), "--bind", "127.0.0.1", "--dir", str(self.folder),
            "--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"])
        self._wait("redis", lambda: self._listens(self.redis_port))

    def _start_postgres(self):
        versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        self.tools = versions[-1]
        owner = []
        if os.geteuid() == 0:
            # Postgres refuses to run as root.
            owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            shutil.chown(self.folder, "postgres")
        data = self.folder / "postgres"
        subprocess.run(
            owner + [self.tools / "initdb", "-D", data, "-U", "tollgate", "-A", "trust", "-E", "UTF8", "--no-locale"],
            stdout=subprocess.DEVNULL, check=True)
        self._spawn("postgres", owner + [
            self.tools / "postgres", "-D", data, "-c", f"port={self.postgres_port}",
            "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}",
            "-c", "shared_buffers=256MB", "-c", "max_wal_size=4GB"])
        self._wait("postgres", lambda: subprocess.run(
            [self.tools / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.postgres_port)], check=False
        ).returncode == 0)

    def _start_gate(self):
        config = self.folder / "tollgate.yaml"
        config.write_text(self.config)
        self._spawn("gate", [self.binary, "serve"], os.environ | {
            "TOLLGATE_CONFIG": str(config),
            "TOLLGATE_GATE_LISTEN": f"127.0.0.1:{self.gate_port}",
            "TOLLGATE_ADMIN_LISTEN": f"127.0.0.1:{self.admin_port}",
            "TOLLGATE_REDIS_URL": f"redis://127.0.0.1:{self.redis_port}",
            "TOLLGATE_POSTGRES_URL": self.url,
            "TOLLGATE_STRIPE_WEBHOOK_SECRETS": self.webhook_secret,
            "TOLLGATE_LOG_LEVEL": "warning",
        })
        self._wait("gate", lambda: self._listens(self.gate_port))
