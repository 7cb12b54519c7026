"""A Redis, a Postgres and gates of their own below one folder, and the users that are asked about."""

import hashlib
import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from resp import Redis

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "script/lib"))
from ports import free_port  # noqa: E402

CONFIG = """
default_plan: bench
default_feature: chat
plans:
  bench:
    rank: 0
    features: [chat]
    budget: {tokens: 999999999999, period: month}
    limits:
      requests: {count: 1000000, window_s: 60, burst: 1000000}
features:
  chat: {default_tokens: 1000, min_tokens: 1}
# A machine that stalls is no reason to refuse.
server: {event_loops: 1, deadline_ms: 5000}
postgres: {statement_ms: 600000}
reconcile: {accounts_per_minute: 0}
"""

# Users are named by twelve digits, as redis-benchmark writes its random numbers.
USER = "u_%012d"


def token(number):
    return "tle_" + hashlib.sha256(b"token %d" % number).hexdigest()[:43]


def stop(process, seconds=20):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Gate:
    """One gate process with one event loop."""

    def __init__(self, stack, name="gate"):
        self.name = name
        self.port, admin = free_port(), free_port()
        self.admin = admin
        self.process = stack.spawn(name, [stack.binary, "serve"], os.environ | {
            "TOLLGATE_CONFIG": str(stack.config),
            "TOLLGATE_GATE_LISTEN": f"127.0.0.1:{self.port}",
            "TOLLGATE_ADMIN_LISTEN": f"127.0.0.1:{admin}",
            "TOLLGATE_REDIS_URL": f"redis+unix://{stack.redis_path}",
            "TOLLGATE_POSTGRES_URL": stack.postgres_url,
            "TOLLGATE_ADMIN_KEY": stack.admin_key,
            "TOLLGATE_LOG_LEVEL": "warning",
        })
        stack.wait(name, lambda: stack.listens(self.port) and stack.listens(admin), 60)
        self.admin_key = stack.admin_key

    def metrics(self):
        """Of its own /metrics: what has no label, by name."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=30)
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {self.admin_key}"})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        if answer.status != 200:
            raise SystemExit(f"/metrics: {answer.status} {text}")
        return {name: float(value) for name, value in re.findall(r"^(tollgate_\w+) (\S+)$", text, re.M)}


class Stack:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, Path(folder)
        self.processes = []
        self.admin_key = "tga_" + hashlib.sha256(os.urandom(16)).hexdigest()
        self.lock = None
        self.outside = None

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.config = self.folder / "tollgate.yaml"
        self.config.write_text(CONFIG)
        # The kernel takes 107 bytes for a socket's path.
        self.redis_path = self._reachable(len(str(self.folder)) < 90) / "redis.sock"
        try:
            self._start_redis()
            self._start_postgres()
            subprocess.run([self.binary, "migrate"], check=True, stdout=subprocess.DEVNULL, env=os.environ | {
                "TOLLGATE_CONFIG": str(self.config), "TOLLGATE_POSTGRES_URL": self.postgres_url, "TOLLGATE_LOG_LEVEL": "warning"})
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.release_books()
        for process in reversed(self.processes):
            stop(process)
        shutil.rmtree(self.folder / "postgres", ignore_errors=True)
        shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)
        if self.outside:
            shutil.rmtree(self.outside, ignore_errors=True)

    def _reachable(self, is_inside):
        """The folder, or one in /tmp for what can't be in it."""
        if is_inside:
            return self.folder
        self.outside = self.outside or Path(tempfile.mkdtemp(prefix="tollgate-bench-"))
        self.outside.chmod(0o711)
        return self.outside

    def spawn(self, name, command, environment=None):
        with open(self.folder / f"{name}.log", "ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)
        self.processes.append(process)
        return process

    def wait(self, name, is_ready, seconds=30):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if is_ready():
                return
            time.sleep(0.05)
        raise SystemExit(f"{name} did not start: {(self.folder / f'{name}.log').read_text()[-2000:]}")

    @staticmethod
    def listens(port):
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def _start_redis(self):
        self.redis_process = self.spawn("redis", [
            "redis-server", "--port", "0", "--unixsocket", str(self.redis_path), "--dir", str(self.folder),
            "--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction",
            # Rewritten between the rounds, so that no round has it.
            "--auto-aof-rewrite-percentage", "0"])
        self.wait("redis", self.redis_path.exists)
        self.redis = Redis(self.redis_path)

    def _start_postgres(self):
        versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        self.tools = versions[-1]
        port = free_port()
        owner = []
        if os.geteuid() == 0:
            # Postgres refuses to run as root.
            owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        # A checkout below /root is closed to its user.
        test = subprocess.run([*owner, "test", "-x", self.folder], cwd="/", check=False)
        home = self._reachable(test.returncode == 0) / "postgres"
        home.mkdir()
        if owner:
            shutil.chown(home, "postgres")
        data = home / "data"
        subprocess.run(
            owner + [self.tools / "initdb", "-D", data, "-U", "tollgate", "-A", "trust", "-E", "UTF8", "--no-locale"],
            stdout=subprocess.DEVNULL, check=True)
        self.postgres_process = self.spawn("postgres", owner + [
            self.tools / "postgres", "-D", data, "-c", f"port={port}", "-c", "listen_addresses=127.0.0.1",
            "-c", "unix_socket_directories=", "-c", "shared_buffers=256MB", "-c", "max_wal_size=4GB"])
        self.postgres_url = f"postgres://tollgate@127.0.0.1:{port}/postgres"
        self.wait("postgres", lambda: subprocess.run(
            [self.tools / "pg_isready", "-q", "-U", "tollgate", "-h", "127.0.0.1", "-p", str(port)], check=False).returncode == 0)

    def sql(self, text):
        done = subprocess.run(
            [self.tools / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", self.postgres_url],
            input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"psql: {done.stderr}")
        return done.stdout.strip()

    def make_users(self, count):
        """Users and a token each, as if they had always been there: no triggers, so all have version 1 and nothing
        waits in the outbox."""
        rows = self.folder / "tokens.txt"
        with open(rows, "w", encoding="ascii") as out:
            out.writelines(token(number) + "\n" for number in range(count))
        values = "".join(
            f"{USER % number}\t\\\\x{hashlib.sha256(token(number).encode()).hexdigest()}\n" for number in range(count))
        self.sql(
            "SET session_replication_role = replica;"
            f"INSERT INTO tollgate.users (id) SELECT 'u_' || lpad(n::text, 12, '0') FROM generate_series(0, {count - 1}) n;"
            f"COPY tollgate.extension_tokens (user_id, token_hash) FROM STDIN;\n{values}\\.\n")
        self.sql("VACUUM ANALYZE")

    # Booking is held while the question itself is measured: the peers have no books.

    def hold_books(self):
        if self.lock:
            return
        self.lock = subprocess.Popen(
            [self.tools / "psql", "-XqAt", self.postgres_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lock.stdin.write("BEGIN; LOCK TABLE tollgate.ledger IN EXCLUSIVE MODE; SELECT 'held';\n")
        self.lock.stdin.flush()
        assert self.lock.stdout.readline() == "held\n"

    def release_books(self):
        if self.lock:
            self.lock.stdin.close()
            self.lock.wait()
            self.lock = None

    def tidy(self):
        """Empties the usage stream, which nobody books now, and makes the append-only file small again."""
        self.redis("XTRIM", "tg:{0}:usage", "MAXLEN", 0)
        self.redis("BGREWRITEAOF")
        while b"aof_rewrite_in_progress:1" in self.redis("INFO", "persistence"):
            time.sleep(0.02)
