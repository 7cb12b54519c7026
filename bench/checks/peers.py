"""The peers: the same check on the same Redis, on other servers."""

import os
from pathlib import Path

from stack import free_port

PEERS = Path(__file__).resolve().parents[1] / "peers"


class Peer:
    def __init__(self, stack, name, command, environment=None):
        self.name = name
        self.process = stack.spawn(name, command, os.environ | {
            "BENCH_PRINCIPALS": str(stack.folder / "principals.json"), **(environment or {})})
        stack.wait(name, lambda: self.process.poll() is None and stack.listens(self.port), 60)

class Nginx(Peer):
    """One worker, with the handler of bench/peers/<name>.lua."""

    def __init__(self, stack, handler):
        self.port = free_port()
        conf = stack.folder / f"nginx-{handler}.conf"
        text = (PEERS / "nginx.conf").read_text()
        for name, value in {
            "NAME": handler, "PORT": self.port, "PEERS": PEERS, "FOLDER": stack.folder,
            "USER": "root" if os.geteuid() == 0 else "nobody",
        }.items():
            text = text.replace(f"@{name}@", str(value))
        conf.write_text(text)
        super().__init__(stack, f"nginx-{handler}", [
            "nginx", "-p", str(stack.folder), "-c", str(conf), "-e", str(stack.folder / f"nginx-{handler}.log")])


class FastAPI(Peer):
    def __init__(self, stack, python):
        self.port = free_port()
        super().__init__(stack, "fastapi", [
            python, "-m", "uvicorn", "--app-dir", str(PEERS), "fastapi_gate:app", "--host", "127.0.0.1", "--port",
            str(self.port), "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"],
            {"PYTHONDONTWRITEBYTECODE": "1"})
