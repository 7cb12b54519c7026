"""A Redis, a Postgres that keeps its data in a folder that is given, and a gate over them."""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

from ports import free_port


class Stack:
    def __init__(self, binary, folder, config, postgres=None, environment=None):
        """`config` is the config file's text, `postgres` settings of the server, `environment` more of the gate's."""
        self.binary, self.folder = binary, Path(folder).resolve()
        self.config, self.settings, self.more = config, postgres or {}, environment or {}
        self.redis_port, self.postgres_port = free_port(), free_port()
        self.gate_port, self.admin_port = free_port(), free_port()
        self.admin_key, self.service_key = "tga_" + secrets.token_hex(20), "tgs_" + secrets.token_hex(20)
        self.processes = []
        # Postgres refuses to run as root.
        self.owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        tools = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        self.tools = tools[-1]

    def __enter__(self):
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._start_redis()
            self._start_postgres()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process, signal in reversed(self.processes):
            process.send_signal(signal)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()

    @property
    def postgres_url(self):
        return f"postgres://tollgate@127.0.0.1:{self.postgres_port}/postgres"

    @property
    def environment(self):
        config = self.folder / "tollgate.yaml"
        config.write_text(self.config)
        return os.environ | {
            "TOLLGATE_CONFIG": str(config), "TOLLGATE_POSTGRES_URL": self.postgres_url,
            "TOLLGATE_REDIS_URL": f"redis://127.0.0.1:{self.redis_port}",
            "TOLLGATE_GATE_LISTEN": f"127.0.0.1:{self.gate_port}",
            "TOLLGATE_ADMIN_LISTEN": f"127.0.0.1:{self.admin_port}", "TOLLGATE_ADMIN_KEY": self.admin_key,
            "TOLLGATE_SERVICE_KEY": self.service_key, "TOLLGATE_LOG_LEVEL": "warning",
        } | self.more

    def psql(self, *arguments, **options):
        return subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", self.postgres_url, *arguments],
                              check=True, text=True, **options)

    def make_tablespace(self, name, folder):
        """A place beside the server's own folder for some of its tables; every folder above it is to be open to all."""
        self._make_for_postgres(Path(folder).resolve())
        self.psql("-c", f"CREATE TABLESPACE {name} LOCATION '{Path(folder).resolve()}'")

    def run(self, command, environment, port):
        """A process that ends with the stack; listens on `port` when this returns."""
        log = open(self.folder / f"{Path(command[0]).name}.log", "w")
        self._start(command, 15, env=os.environ | environment, stdout=log, stderr=log)
        self._wait(lambda: socket.create_connection(("127.0.0.1", port), 5).close())

    def migrate(self):
        subprocess.run([self.binary, "migrate"], env=self.environment, check=True)

    def start_gate(self):
        log = open(self.folder / "gate.log", "w")
        self._start([self.binary, "serve"], 15, env=self.environment, stdout=log, stderr=log)
        self._wait(lambda: urllib.request.urlopen(f"http://127.0.0.1:{self.gate_port}/readyz").status == 200)

    def _start_redis(self):
        folder = self.folder / "redis"
        folder.mkdir(exist_ok=True)
        self._start(["redis-server", "--port", str(self.redis_port), "--bind", "127.0.0.1", "--save", "",
                     "--maxmemory-policy", "noeviction", "--dir", str(folder)], 15, stdout=subprocess.DEVNULL)

    def _start_postgres(self):
        data = self.folder / "postgres"
        if not data.exists():
            self._make_for_postgres(data)
            if self.owner:
                self.folder.chmod(0o755)
            subprocess.run([*self.owner, self.tools / "initdb", "-D", data, "-U", "tollgate", "-A", "trust", "-E", "UTF8",
                            "--no-locale", "--no-sync"], check=True, stdout=subprocess.DEVNULL, cwd="/")
        settings = [f"{name}={value}" for name, value in self.settings.items()]
        settings += [f"port={self.postgres_port}", "listen_addresses=127.0.0.1", "unix_socket_directories="]
        log = open(self.folder / "postgres.log", "a")
        # SIGINT: a fast shutdown.
        self._start([*self.owner, self.tools / "postgres", "-D", data, *(word for s in settings for word in ("-c", s))],
                    2, stdout=log, stderr=log, cwd="/")
        self._wait(lambda: self.psql("-c", "SELECT 1", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def _make_for_postgres(self, folder):
        folder.mkdir()
        if self.owner:
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)

    def _start(self, command, signal, **options):
        self.processes.append((subprocess.Popen(list(map(str, command)), **options), signal))

    def _wait(self, is_there):
        end = time.monotonic() + 60
        while True:
            if self.processes[-1][0].poll() is not None:
                log = self.folder / "gate.log"
                said = log.read_text()[-2000:] if log.exists() else ""
                raise SystemExit(f"it ended: {self.processes[-1][0].args[:6]} {said}")
            try:
                is_there()
                return
            except (OSError, subprocess.CalledProcessError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)
