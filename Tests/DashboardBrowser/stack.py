"""A Redis, a Postgres and a gate of the browser tests' own, in a temporary directory."""

import glob
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "script/lib"))
from ports import free_port  # noqa: E402

DEADLINE_S = 60

# Plans and prices as the pages are to show them; no wish for limits that a slow machine would run into.
CONFIG = """
default_plan: free
default_feature: chat
plans:
  free:
    rank: 0
    features: [chat]
    budget: {tokens: 50000, period: month}
    limits:
      requests: {count: 600, window_s: 60}
  pro:
    rank: 1
    features: [chat, research]
    prices: [price_pro_monthly, price_gone]
    budget: {tokens: 1000000, period: subscription}
    limits:
      requests: {count: 6000, window_s: 60}
      concurrent: 20
  team:
    rank: 2
    features: [chat, research]
    budget: {tokens: 250000, period: month, per_seat: true}
features:
  chat: {default_tokens: 1000}
  research: {default_tokens: 5000}
billing:
  upgrade_url: "https://example.com/upgrade"
  success_url: "https://example.com/done"
server:
  deadline_ms: 5000
  user_page: true
"""


def until(what, condition):
    """Waits until the condition gives something true, and returns it."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {DEADLINE_S} s in vain: {what}")
        time.sleep(0.05)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)


def ask(method, url, body=None, headers=None):
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    if data is not None and not request.has_header("Content-type"):
        request.add_header("Content-Type", "application/json")
    try:
        with OPENER.open(request, timeout=DEADLINE_S) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read())


class Stack:
    def __init__(self, gate, stripe_fake):
        self.processes = []
        self.directory = tempfile.mkdtemp(prefix="tollgate-browser-")
        os.chmod(self.directory, 0o711)
        self.admin_key = "tga_" + secrets.token_hex(24)
        self.service_key = "tgs_" + secrets.token_hex(24)
        self.webhook_secret = "whsec_" + secrets.token_hex(24)
        try:
            self.redis()
            self.postgres()
            self.stripe(stripe_fake)
            self.serve(gate)
        except BaseException:
            self.close()
            raise

    def start(self, name, command, environment=None, owner=None):
        log = open(os.path.join(self.directory, f"{name}.log"), "wb")
        # Dies with the tests, however those end.
        command = ["setpriv", "--pdeathsig", "KILL"] + (owner or []) + command
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env=environment or dict(os.environ)
        )
        self.processes.append((name, process))
        return process

    def log(self, name):
        with open(os.path.join(self.directory, f"{name}.log"), errors="replace") as file:
            return file.read()

    def redis(self):
        path = os.path.join(self.directory, "redis.sock")
        self.start(
            "redis",
            ["redis-server", "--port", "0", "--unixsocket", path, "--dir", self.directory, "--save", "",
             "--appendonly", "no", "--maxmemory-policy", "noeviction"],
        )
        until("Redis listens", lambda: os.path.exists(path))
        self.redis_url = f"redis+unix://{path}"

    def postgres(self):
        places = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"), key=lambda p: float(p.split("/")[4]))
        tools = os.path.dirname(places[-1])
        data = os.path.join(self.directory, "postgres")
        os.mkdir(data, 0o700)
        owner = []
        if os.getuid() == 0:
            # Postgres refuses to run as root.
            user = next(user for user in ("postgres", "nobody") if user in {p.pw_name for p in pwd.getpwall()})
            entry = pwd.getpwnam(user)
            os.chown(data, entry.pw_uid, entry.pw_gid)
            owner = [f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]
        make = [f"{tools}/initdb", "-D", data, "-U", "tollgate", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        subprocess.run(["setpriv"] + owner + make if owner else make, check=True, cwd="/", stdout=subprocess.DEVNULL)
        port = free_port()
        self.start(
            "postgres",
            [f"{tools}/postgres", "-D", data, "-c", f"port={port}", "-c", "listen_addresses=127.0.0.1",
             "-c", "unix_socket_directories=", "-c", "fsync=off"],
            owner=owner,
        )
        self.postgres_url = f"postgres://tollgate@127.0.0.1:{port}/postgres"
        until("Postgres answers", lambda: self.sql("SELECT 1", check=False) == "1")

    def sql(self, text, check=True):
        command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.postgres_url, "-c", text]
        done = subprocess.run(command, capture_output=True, text=True)
        if check and done.returncode != 0:
            raise AssertionError(done.stderr)
        return done.stdout.strip()

    def stripe(self, binary):
        port = free_port()
        self.stripe_key = "sk_test_" + secrets.token_hex(12)
        environment = dict(
            os.environ, STRIPE_FAKE_API_KEY=self.stripe_key, STRIPE_FAKE_WEBHOOK_SECRETS=self.webhook_secret
        )
        process = self.start("stripe", [binary, "--port", str(port), "--price", "price_pro_monthly=2000/month"], environment)

        def listens():
            if process.poll() is not None:
                raise AssertionError(f"the fake Stripe ended: {self.log('stripe')[-2000:]}")
            return "listens on" in self.log("stripe")

        until("the fake Stripe listens", listens)
        self.stripe_base = f"http://127.0.0.1:{port}"

    def serve(self, binary):
        config = os.path.join(self.directory, "tollgate.yaml")
        with open(config, "w") as file:
            file.write(CONFIG)
        ports = free_port(), free_port()
        self.gate, self.admin = (f"http://127.0.0.1:{port}" for port in ports)
        environment = dict(
            PATH=os.environ["PATH"],
            TOLLGATE_CONFIG=config,
            TOLLGATE_REDIS_URL=self.redis_url,
            TOLLGATE_POSTGRES_URL=self.postgres_url,
            TOLLGATE_GATE_LISTEN=f"127.0.0.1:{ports[0]}",
            TOLLGATE_ADMIN_LISTEN=f"127.0.0.1:{ports[1]}",
            TOLLGATE_ADMIN_KEY=self.admin_key,
            TOLLGATE_SERVICE_KEY=self.service_key,
            TOLLGATE_STRIPE_WEBHOOK_SECRETS=self.webhook_secret,
            TOLLGATE_STRIPE_API_KEY=self.stripe_key,
            TOLLGATE_STRIPE_API_BASE=self.stripe_base,
            TOLLGATE_LOG_LEVEL="debug",
        )
        process = self.start("gate", [binary, "serve"], environment)

        def is_ready():
            if process.poll() is not None:
                raise AssertionError(f"the gate ended: {self.log('gate')[-2000:]}")
            try:
                return ask("GET", f"{self.gate}/readyz").status == 200 and ask("GET", f"{self.admin}/livez").status == 200
            except OSError:
                return False

        until("the gate is ready", is_ready)

    # Calls of the admin API and of the gate.

    def api(self, method, path, body=None, key=None):
        headers = {"Authorization": f"Bearer {key or self.admin_key}"}
        return ask(method, f"{self.admin}/admin/v1{path}", body, headers)

    def check(self, token, **fields):
        return ask("POST", f"{self.gate}/v1/check", fields, {"X-TLE-Token": token})

    def close(self):
        for name, process in reversed(self.processes):
            # Postgres ends at once with SIGINT; the others with SIGTERM.
            process.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
