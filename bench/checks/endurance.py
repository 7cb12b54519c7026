"""What time, a cold cache and strangers do to a gate."""

import statistics
import threading
import time

from compare import prepare, run_one
from load import Load, measured, rss_mb
from resp import Redis
from stack import Gate, token


class Trimmer:
    """Keeps the usage stream short while nobody books it."""

    def __init__(self, stack):
        self.redis = Redis(stack.redis_path)
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._trim)
        self.thread.start()

    def _trim(self):
        while not self.done.wait(0.5):
            self.redis("XTRIM", "tg:{0}:usage", "MAXLEN", 0)

    def stop(self):
        self.done.set()
        self.thread.join()


def fill(stack, gate, users):
    """One check with each token, so that the gate knows all of them."""
    asked, trimmer = 0, Trimmer(stack)
    while asked < users:
        # Each load begins at the first token that may not have been sent yet.
        asked += Load(stack.folder / "tokens.txt", gate.port, 64, 3, skip=asked, count=users - asked).result()["requests"]
    trimmer.stop()
    stack.tidy()


def sizes(stack, gate):
    return {
        "rss_mb": rss_mb(gate.process.pid), "anon_mb": rss_mb(gate.process.pid, "RssAnon"),
        "redis_bytes": int(stack.redis.info("memory")["used_memory"]),
    }


def cold(stack, options):
    """A gate that has just started, every token new to it and known to Redis; then the same tokens again."""
    gate, _ = prepare(stack, options.users)
    empty = sizes(stack, gate)
    fill(stack, gate, options.users)
    full = sizes(stack, gate)
    rounds = []
    for _ in range(options.rounds):
        # It would wait for the books, which are held.
        gate.process.kill()
        gate.process.wait()
        gate = Gate(stack)
        first = run_one(stack, gate, 64, options.cold_seconds, options.users)
        assert first["requests"] < options.users, "the cold load came round to tokens that it had sent"
        again = run_one(stack, gate, 64, options.cold_seconds, options.users)
        rounds.append({"cold": first, "warm": again})
    return {"users": options.users, "empty": empty, "full": full, "rounds": rounds}


def strangers(stack, options):
    """Good checks at a steady rate, alone and beside ten thousand unknown tokens a second."""
    users = min(10_000, options.users)
    gate, _ = prepare(stack, users)
    unknown = stack.folder / "unknown.txt"
    with open(unknown, "w", encoding="ascii") as out:
        out.writelines(token(10_000_000 + number) + "\n" for number in range(100_000))
    tokens = stack.folder / "tokens.txt"
    run_one(stack, gate, 16, 2, users)
    processes = {"gate": gate.process.pid, "redis": stack.redis_process.pid, "postgres": stack.postgres_process.pid}
    rounds = []

    def good():
        return Load(tokens, gate.port, 32, options.seconds, count=users, pause_ms=8)
    for _ in range(options.rounds):
        alone = measured(processes, good)
        bad = Load(unknown, gate.port, 120, options.seconds + 2, count=100_000, pause_ms=11)
        time.sleep(1)
        beside = measured(processes, good)
        figures = bad.result()
        stack.tidy()
        rounds.append({"alone": alone, "beside": beside, "unknown_rps": figures["rps"]})
    return {"rounds": rounds}


def soak(stack, options):
    """RSS over so many checks."""
    users = min(10_000, options.users)
    gate, _ = prepare(stack, users)
    done, samples, trimmer = 0, [], Trimmer(stack)
    while done < options.soak:
        done += Load(stack.folder / "tokens.txt", gate.port, 64, options.soak_seconds, count=users).result()["requests"]
        samples.append({"checks": done, "rss_mb": rss_mb(gate.process.pid)})
    trimmer.stop()
    return {"samples": samples, "median_mb": statistics.median(sample["rss_mb"] for sample in samples)}
