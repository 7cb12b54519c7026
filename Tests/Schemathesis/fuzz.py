"""Lets schemathesis ask a running gate whatever docs/openapi.json allows and forbids, on both listeners.

    fuzz.py PATH-OF-TOLLGATE PATH-OF-STRIPE-FAKE [--seconds 25] [--seed 20261121] [--only gate]

Nothing may answer 5xx, with a status, header or content type that is not documented, or with a body that is not as
documented. Answers are held to exactly the members that the document has: what a client may not rely on is open, what the
server sends is not. The gate has a Redis, a Postgres and a Stripe of its own.
"""

import argparse
import base64
import copy
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

root = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(root / "script/lib"))
from ports import free_port  # noqa: E402
from stack import Stack  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("tollgate")
parser.add_argument("stripe_fake")
parser.add_argument("--seconds", type=int, default=25, help="for each of the three runs")
parser.add_argument("--seed", type=int, default=20261121)
parser.add_argument("--examples", type=int, default=12, help="per call and phase")
parser.add_argument("--only", default="", help="the run of this name: gate as service, gate as user, admin")
options = parser.parse_args()

CONFIG = """
default_plan: free
default_feature: chat
plans:
  free: {rank: 0, features: [chat, note], budget: {tokens: 1000000000000, period: month}}
  pro: {rank: 1, features: [chat, note], prices: [price_pro], budget: {tokens: 2000, period: subscription}}
  team: {rank: 2, features: [chat, note], budget: {tokens: 100000, period: month, per_seat: true}}
features:
  chat: {default_tokens: 1000}
  note: {default_tokens: 10}
topups: {price_pack: {tokens: 5000}}
policies: {chat: {feature: chat, tokens: 10}}
billing: {success_url: "https://app.example.com/", upgrade_url: "https://app.example.com/up"}
events: {targets: {crm: {url: "http://127.0.0.1:9/", allow_http: true}}}
"""
WEBHOOK_SECRET = "whsec_fuzz_0123456789abcdef0123456789"
CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
          "response_schema_conformance,unsupported_method,allow_header_conformance,ignored_auth")


class Seeded:
    """Things that are there to be asked for, made by the admin API itself."""

    def __init__(self, stack):
        self.stack = stack
        self.call("PUT", "/admin/v1/tenants/t-1", {"name": "One", "plan": "team", "seats": 3})
        for user, change in {"u-1": {"plan": "free"}, "u-2": {"plan": "pro"}, "u-3": {"tenant": "t-1"}}.items():
            self.call("PUT", f"/admin/v1/users/{user}", change)
        self.tokens = [self.call("POST", "/admin/v1/users/u-1/tokens", {"label": "fuzz"}) for _ in range(40)]
        self.token = self.call("POST", "/admin/v1/users/u-1/tokens", {})["token"]
        self.grants = [self.call("POST", "/admin/v1/users/u-1/grants", {"tokens": 5})["id"] for _ in range(20)]
        self.keys = [self.call("POST", "/admin/v1/keys", {"kind": "service"})["id"] for _ in range(20)]
        self.call("PUT", "/admin/v1/users/u-1/limits", {"limit": "requests", "count": 10**6, "window_s": 1})
        self.holds = [self.check({"mode": "reserve", "feature": "note", "ttl_s": 600})["reservation"]["id"]
                      for _ in range(30)]
        # Past a threshold, so that there is an event of ours.
        self.check({"user": "u-2", "tokens": 1900})
        self.events = self.wait_for_event()

    def call(self, method, path, body=None):
        return self.ask(self.stack.admin_port, self.stack.admin_key, method, path, body)

    def check(self, body):
        return self.ask(self.stack.gate_port, self.stack.service_key, "POST", "/v1/check", {"user": "u-1"} | body)

    def ask(self, port, key, method, path, body):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"null")

    def wait_for_event(self):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            items = self.call("GET", "/admin/v1/events")["items"]
            if items:
                return [item["id"] for item in items]
            time.sleep(0.1)
        raise SystemExit("no event was made of a crossed threshold")


def closed(schema):
    """The schema of an answer with nothing beside what it names."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: closed(part) for name, part in schema.items()}
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
        schema.setdefault("additionalProperties", False)
    return schema


def document(listener, seeded):
    """What docs/openapi.json has of a listener, with names to ask for that are there."""
    whole = json.loads((root / "docs/openapi.json").read_text())
    port = {"gate": "8080", "admin": "8081"}[listener]
    servers = whole["servers"]
    paths = {}
    for path, item in whole["paths"].items():
        if any(server["url"].endswith(port) for server in item.pop("servers", servers)):
            paths[path] = item
    whole["paths"], whole["servers"] = paths, [{"url": "/"}]
    whole["components"]["schemas"] = closed(whole["components"]["schemas"])
    known = {
        "/users/{id}": ["u-1", "u-2", "u-3"], "/tenants/{id}": ["t-1"],
        "/tokens/{id}": [token["id"] for token in seeded.tokens], "/keys/{id}": seeded.keys,
        "/reservations/{id}": seeded.holds, "/admin/v1/events/{id}": seeded.events,
    }
    for path, item in paths.items():
        for operation in item.values():
            if not isinstance(operation, dict):
                continue
            for index, parameter in enumerate(operation.get("parameters", [])):
                if "$ref" in parameter:
                    parameter = resolved(whole, parameter["$ref"])
                    operation["parameters"][index] = parameter
                names = next((names for part, names in known.items() if part in path), None)
                if parameter["in"] == "path" and parameter["name"] == "id" and names:
                    parameter["schema"] = {"type": "string", "enum": names}
                if parameter["in"] == "path" and parameter["name"] == "grant":
                    parameter["schema"] = {"type": "string", "enum": seeded.grants}
                if parameter["name"] == "X-Tollgate-User":
                    parameter["schema"] = {"type": "string", "enum": ["u-1", "u-2", "u-3"]}
    return whole


def resolved(whole, reference):
    part = whole
    for name in reference.removeprefix("#/").split("/"):
        part = part[name]
    return copy.deepcopy(part)


def fuzz(name, stack, seeded):
    listener = name.split()[0]
    headers = {
        "admin": [f"Authorization: Bearer {stack.admin_key}"],
        "gate as service": [f"Authorization: Bearer {stack.service_key}", "X-Tollgate-User: u-1"],
        "gate as user": [f"X-TLE-Token: {seeded.token}"],
    }[name]
    described = stack.folder / f"{listener}.json"
    described.write_text(json.dumps(document(listener, seeded)))
    port = {"gate": stack.gate_port, "admin": stack.admin_port}[listener]
    command = [
        Path(sys.executable).parent / "schemathesis", "run", described, "--url", f"http://127.0.0.1:{port}",
        "--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", str(options.examples),
        "--seed", str(options.seed), "--generation-database", "none", "--suppress-health-check", "all",
        "--max-time", str(options.seconds), "--request-timeout", "30", "--continue-on-failure", "--warnings", "off",
        "--no-color", "--no-shrink",
    ]
    for header in headers:
        command += ["--header", header]
    print(f"--- {name}", flush=True)
    return subprocess.run(list(map(str, command)), cwd=stack.folder).returncode == 0


with tempfile.TemporaryDirectory(prefix="tollgate-fuzz-") as folder:
    os.chmod(folder, 0o755)
    stripe_port = free_port()
    stripe = {
        "TOLLGATE_STRIPE_API_KEY": "sk_test_fuzz_0123456789abcdef", "TOLLGATE_STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET,
        "TOLLGATE_STRIPE_API_BASE": f"http://127.0.0.1:{stripe_port}",
        "TOLLGATE_EVENT_SECRETS_CRM": "whsec_" + base64.b64encode(bytes(range(32))).decode(),
    }
    with Stack(options.tollgate, folder, CONFIG, {"fsync": "off"}, stripe) as stack:
        stack.run([options.stripe_fake, "--port", stripe_port, "--webhook",
                   f"http://127.0.0.1:{stack.gate_port}/webhooks/stripe", "--price", "price_pro=2000/month",
                   "--price", "price_pack=900"],
                  environment={"STRIPE_FAKE_API_KEY": stripe["TOLLGATE_STRIPE_API_KEY"],
                               "STRIPE_FAKE_WEBHOOK_SECRETS": WEBHOOK_SECRET}, port=stripe_port)
        stack.start_gate()
        seeded = Seeded(stack)
        names = [name for name in ("gate as service", "gate as user", "admin") if options.only in name]
        results = [fuzz(name, stack, seeded) for name in names]
        log = (stack.folder / "gate.log").read_text()
        failures = [line for line in log.splitlines() if '"level":"error"' in line]
        if failures:
            print("the gate logged errors:", *failures[:20], sep="\n")
sys.exit(0 if all(results) and not failures else 1)
