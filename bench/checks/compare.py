"""The gate and its peers on the same work, in turn, round after round."""

import re
import time

from floor import Floor
from load import Load, measured, rss_mb, children
from peers import FastAPI, Nginx
from question import Question, check
from stack import Gate

CONNECTIONS = (1, 16, 64, 256)
USERS = 10_000


def prepare(stack, users):
    """Users, a gate, and their accounts in Redis; the books are held from here on."""
    stack.make_users(users)
    gate = Gate(stack)
    question = Question(stack, gate)
    question.load_accounts(stack.redis, 1, users - 1)
    stack.hold_books()
    stack.tidy()
    return gate, question


def normal(headers, answer):
    """An answer without what differs from check to check."""
    kept = ("ratelimit-policy", "ratelimit", "tollgate-user", "tollgate-plan", "tollgate-remaining", "content-type")
    shown = {name.lower(): value for name, value in headers.items()}
    shown = {name: shown.get(name) for name in kept}
    limit, used, rest = (answer["budget"].pop(name) for name in ("limit", "used", "remaining"))
    assert limit == used + rest and shown.pop("tollgate-remaining") == str(rest), (headers, answer)
    shown["ratelimit"], count = re.subn(rf'"budget";r={rest};t=\d+$', "budget", shown["ratelimit"])
    assert count == 1, headers
    return shown, answer, used


def agree(servers):
    """Each server's answer to the same check must be the gate's, and cost what the one before says."""
    expected, before = None, None
    for server in (servers[0], *servers):
        status, headers, answer = check(server.port, 7, 1200)
        assert status == 200, f"{server.name}: {status}"
        assert len(headers.get("X-Request-Id", headers.get("x-request-id", ""))) == 16, headers
        shown, answer, used = normal(headers, answer)
        assert before is None or used == before + 1200, f"{server.name} counted {used} after {before}"
        expected, before = expected or (shown, answer), used
        assert (shown, answer) == expected, f"{server.name} answers {(shown, answer)}, not {expected}"


def script_calls(stack):
    stats = stack.redis.info("commandstats")["cmdstat_fcall"]
    fields = dict(part.split("=") for part in stats.split(","))
    return int(fields["calls"]), int(fields["usec"])


def run_one(stack, server, connections, seconds, users=USERS):
    """One load on one server: latencies, rps, CPU per check of server and Redis, the script's share; for the gate
    also its commands per write."""
    is_gate = isinstance(server, Gate)
    before = server.metrics() if is_gate else None
    calls, spent = script_calls(stack)
    processes = {"server": server.process.pid, "redis": stack.redis_process.pid}
    tokens = stack.folder / "tokens.txt"
    figures = measured(processes, lambda: Load(tokens, server.port, connections, seconds, count=users))
    calls_after, spent_after = script_calls(stack)
    figures["script_us"] = (spent_after - spent) / max(1, calls_after - calls)
    if is_gate:
        after = server.metrics()
        sent, written = (
            after[name] - before[name] for name in ("tollgate_redis_commands_total", "tollgate_redis_writes_total"))
        figures["commands_per_write"] = sent / max(1, written)
    stack.tidy()
    return figures


def compare(stack, options):
    """All rounds: a list of figures per server and number of connections, and those of the floor."""
    gate, question = prepare(stack, options.users)
    users = min(USERS, options.users)
    question.write_for_peers(stack.folder / "principals.json", users, stack.redis_path)
    servers = [gate, Nginx(stack, "tuned"), Nginx(stack, "plain")]
    if not options.without_fastapi:
        servers.append(FastAPI(stack, options.python))
    agree(servers)
    floor = Floor(stack, question, users)
    rounds = {server.name: {str(c): [] for c in CONNECTIONS} for server in servers}
    bare = {"1": [], "pipelined": []}
    for server in servers:
        run_one(stack, server, 16, 1, users)
    for number in range(options.rounds):
        for connections in CONNECTIONS:
            seconds = options.seconds if connections >= 64 else max(1, options.seconds - 1)
            # Not always the same one first.
            for server in servers[number % len(servers):] + servers[:number % len(servers)]:
                rounds[server.name][str(connections)].append(run_one(stack, server, connections, seconds, users))
        bare["1"].append(floor.run(1, 1, 15_000 * options.seconds))
        bare["pipelined"].append(floor.run(50, 16, 25_000 * options.seconds))
        stack.tidy()
        print(f"round {number + 1} of {options.rounds}, {time.strftime('%H:%M:%S')}", flush=True)
    memory = {server.name: sum(rss_mb(pid) for pid in children(server.process.pid)) for server in servers}
    return {"rounds": rounds, "floor": bare, "rss_mb": memory}
