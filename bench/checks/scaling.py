"""Two gates on one Redis, the books beside it, and a million users."""

import time

from compare import prepare, script_calls
from floor import Floor
from load import Load, cpu_us, measured
from stack import Gate


def two_gates(stack, options):
    """As much as one Redis takes, from one gate, from two, and from redis-benchmark."""
    users = min(10_000, options.users)
    first, question = prepare(stack, users)
    gates = [first, Gate(stack, "gate-2")]
    floor = Floor(stack, question, users)
    tokens = stack.folder / "tokens.txt"
    for gate in gates:
        Load(tokens, gate.port, 64, 2, count=users).result()
    redis = stack.redis_process.pid
    rounds = []
    for _ in range(options.rounds):
        one = measured({"redis": redis}, lambda: Load(tokens, first.port, 128, options.seconds, count=users))
        stack.tidy()
        before, (calls, spent) = cpu_us(redis), script_calls(stack)
        loads = [Load(tokens, gate.port, 64, options.seconds, count=users) for gate in gates]
        results = [load.result() for load in loads]
        calls_after, spent_after = script_calls(stack)
        asked = sum(result["requests"] for result in results)
        busy = (cpu_us(redis) - before) / max(result["duration_us"] for result in results)
        rounds.append({
            "one_rps": one["rps"], "one_redis_us": one["redis_us"],
            "two_rps": sum(result["rps"] for result in results), "two_redis_us": (cpu_us(redis) - before) / asked,
            "redis_busy": busy, "script_us": (spent_after - spent) / (calls_after - calls),
            "p99_us": max(result["p99_us"] for result in results),
            "floor_rps": floor.run(50, 16, 25_000 * options.seconds)["rps"]})
        stack.tidy()
    return {"rounds": rounds}


def books(stack, options):
    """The whole way of a check, to the last row in Postgres: CPU of every process, from the first check until the
    books have all of them."""
    users = min(10_000, options.users)
    gate, _ = prepare(stack, users)
    Load(stack.folder / "tokens.txt", gate.port, 64, 2, count=users).result()
    stack.tidy()
    stack.release_books()
    processes = {"gate": gate.process.pid, "redis": stack.redis_process.pid, "postgres": stack.postgres_process.pid}
    rounds = []
    for _ in range(options.rounds):
        while stack.redis("XLEN", "tg:{0}:usage") != b"0":
            time.sleep(0.1)
        booked = gate.metrics()["tollgate_booked_total"]
        before = {name: cpu_us(pid) for name, pid in processes.items()}
        started = time.monotonic()
        figures = Load(stack.folder / "tokens.txt", gate.port, 64, options.seconds, count=users).result()
        while stack.redis("XLEN", "tg:{0}:usage") != b"0":
            time.sleep(0.02)
        elapsed = time.monotonic() - started
        booked = gate.metrics()["tollgate_booked_total"] - booked
        rounds.append({
            "rps": figures["rps"], "p99_us": figures["p99_us"], "booked": booked, "booked_per_s": booked / elapsed,
            **{f"{name}_us": (cpu_us(pid) - before[name]) / figures["requests"] for name, pid in processes.items()}})
    return {"rounds": rounds}


def memory(stack, options):
    """Redis' memory for so many accounts, loaded by the gate's own script."""
    _, question = prepare(stack, 2)
    before = int(stack.redis.info("memory")["used_memory"])
    started, busy = time.monotonic(), cpu_us(stack.redis_process.pid)
    question.load_accounts(stack.redis, 1000, options.accounts)
    after = stack.redis.info("memory")
    return {
        "accounts": options.accounts, "bytes": int(after["used_memory"]) - before, "seconds": time.monotonic() - started,
        "load_us": (cpu_us(stack.redis_process.pid) - busy) / options.accounts,
        "rss_bytes": int(after["used_memory_rss"]),
    }
