"""Figures to tables: medians over the rounds, and what they are held to."""

import re
from statistics import median

NAMES = {
    "gate": "**Tollgate**", "nginx-tuned": "nginx + Lua, tuned by hand", "nginx-plain": "nginx + Lua, the plain way",
    "fastapi": "FastAPI, redis-py",
}


class Middle:
    """The median of each figure over the rounds of one server at one number of connections."""

    def __init__(self, results):
        self.rounds = results["compare"]["rounds"]
        self.floor = results["compare"]["floor"]

    def __call__(self, server, connections, figure):
        return median(each[figure] for each in self.rounds[server][str(connections)])

    def bare(self, kind, figure):
        return median(each[figure] for each in self.floor[kind])


def row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def table(head, rows):
    return "\n".join([row(*head), "|" + "---|" * len(head), *(row(*each) for each in rows)])


def milliseconds(us):
    return f"{us / 1000:.2f}" if us < 10_000 else f"{us / 1000:.0f}"


def checks(results):
    middle = Middle(results)
    head = ("server", "connections", "CPU µs/check", "Redis µs/check", "of it the script", "checks/s", "p50 ms", "p99 ms",
            "p99.9 ms", "commands per write")
    rows = []
    for server in middle.rounds:
        for connections in middle.rounds[server]:
            def of(figure, server=server, connections=connections):
                return middle(server, connections, figure)
            batch = f"{of('commands_per_write'):.1f}" if server == "gate" else "1"
            rows.append((
                NAMES[server], connections, f"{of('server_us'):.1f}", f"{of('redis_us'):.1f}", f"{of('script_us'):.1f}",
                f"{of('rps'):,.0f}", milliseconds(of("p50_us")), milliseconds(of("p99_us")),
                milliseconds(of("p999_us")), batch))
    for kind, name, connections in (("1", "redis-benchmark", "1"), ("pipelined", "redis-benchmark, 16 deep", "50")):
        rows.append((
            name, connections, "–", f"{middle.bare(kind, 'redis_us'):.1f}", "–", f"{middle.bare(kind, 'rps'):,.0f}",
            milliseconds(middle.bare(kind, "p50_us")), "–", "–", "–"))
    memory = results["compare"]["rss_mb"]
    return table(head, rows) + "\n\nRSS after it, with 10,000 principals: " + ", ".join(
        f"{NAMES[name].strip('*')} {size:.0f} MB" for name, size in memory.items()) + "."


def goals_of_checks(results):
    middle = Middle(results)

    def ratio(figure, other, connections, ours="gate"):
        return middle(ours, connections, figure) / middle(other, connections, figure)
    for connections in (64, 256):
        for other, most in (("nginx-tuned", 0.60), ("nginx-plain", 0.33), ("fastapi", 0.05)):
            if other in middle.rounds:
                yield f"CPU per check / {NAMES[other]}, c={connections}", ratio("server_us", other, connections), "≤", most
        both = [middle(server, connections, "server_us") + middle(server, connections, "redis_us")
                for server in ("gate", "nginx-tuned")]
        yield f"gate and Redis / tuned nginx and Redis, c={connections}", both[0] / both[1], "≤", 0.70
        yield f"p99 / tuned nginx, c={connections}", ratio("p99_us", "nginx-tuned", connections), "≤", 0.85
    yield "checks/s / tuned nginx, c=256", ratio("rps", "nginx-tuned", 256), "≥", 1.3
    yield "p50 / tuned nginx, c=1", ratio("p50_us", "nginx-tuned", 1), "≤", 1.1
    yield "p50 / redis-benchmark, c=1", middle("gate", 1, "p50_us") / middle.bare("1", "p50_us"), "≤", 1.6
    yield "commands per write, c=64", middle("gate", 64, "commands_per_write"), "≥", 6
    yield "commands per write, c=256", middle("gate", 256, "commands_per_write"), "≥", 10
    for connections in (64, 256):
        share = middle("gate", connections, "redis_us") / middle.bare("pipelined", "redis_us")
        yield f"Redis CPU per check / redis-benchmark 16 deep, c={connections}", share, "≤", 1.25


def goals_of_others(results):
    if "soak" in results:
        samples = results["soak"]["samples"]
        # The first tenth fills what there is to fill.
        settled = next(each for each in samples if each["checks"] >= samples[-1]["checks"] / 10)
        grown = samples[-1]["rss_mb"] - settled["rss_mb"]
        yield f"RSS growth over {samples[-1]['checks']:,} checks, MB", grown, "≤", 0.5
    if "cold" in results:
        part = results["cold"]
        yield f"RSS with {part['users']:,} principals, MB", part["full"]["rss_mb"], "≤", 80
        cost = {kind: median(each[kind]["server_us"] for each in part["rounds"]) for kind in ("cold", "warm")}
        yield "CPU per check of a cold cache / a warm one", cost["cold"] / cost["warm"], "≤", 2.5
    if "strangers" in results:
        rounds = results["strangers"]["rounds"]
        worse = median(each["beside"]["p99_us"] for each in rounds) / median(each["alone"]["p99_us"] for each in rounds)
        rate = median(each["unknown_rps"] for each in rounds)
        yield f"p99 beside {rate:,.0f} unknown tokens/s / alone", worse, "≤", 1.5
    if "gates" in results:
        rounds = results["gates"]["rounds"]
        share = median(each["two_rps"] for each in rounds) / median(each["floor_rps"] for each in rounds)
        yield "two gates' checks/s / redis-benchmark 16 deep", share, "≥", 0.7


def goals(results):
    lines = [*(goals_of_checks(results) if "compare" in results else ()), *goals_of_others(results)]
    rows = []
    for name, value, sign, wanted in lines:
        is_met = value <= wanted if sign == "≤" else value >= wanted
        rows.append((name, f"{value:.2f}", f"{sign} {wanted:g}", "yes" if is_met else "**no**"))
    return table(("figure", "measured", "wanted", "reached"), rows)


def others(results):
    rows = []
    if "soak" in results:
        for sample in results["soak"]["samples"][:: max(1, len(results["soak"]["samples"]) // 5)]:
            rows.append((f"RSS after {sample['checks']:,} checks", f"{sample['rss_mb']:.1f} MB"))
        last = results["soak"]["samples"][-1]
        rows.append((f"RSS after {last['checks']:,} checks", f"{last['rss_mb']:.1f} MB"))
    if "cold" in results:
        part = results["cold"]
        for state, name in (("empty", "a gate that has just started"), ("full", f"{part['users']:,} principals")):
            size = part[state]
            rows.append((
                f"RSS with {name}" if state == "full" else f"RSS of {name}",
                f"{size['rss_mb']:.1f} MB, {size['anon_mb']:.1f} without the program's own pages"))
        for kind in ("cold", "warm"):
            cost = median(each[kind]["server_us"] for each in part["rounds"])
            redis = median(each[kind]["redis_us"] for each in part["rounds"])
            rows.append((f"CPU per check, {kind} cache: gate, Redis", f"{cost:.1f}, {redis:.1f} µs"))
    if "strangers" in results:
        rounds = results["strangers"]["rounds"]
        for kind in ("alone", "beside"):
            rate, p99 = (median(each[kind][figure] for each in rounds) for figure in ("rps", "p99_us"))
            rows.append((f"{rate:,.0f} checks/s, {kind} {'strangers' if kind == 'beside' else ''}".strip(), f"p99 {milliseconds(p99)} ms"))
    if "gates" in results:
        rounds = results["gates"]["rounds"]
        for figure, name in (("one_rps", "checks/s, one gate, 128 connections"), ("two_rps", "checks/s, two gates, 64 each"),
                             ("floor_rps", "commands/s, redis-benchmark 16 deep")):
            rows.append((name, f"{median(each[figure] for each in rounds):,.0f}"))
        rows.append(("Redis' core busy, two gates", f"{median(each['redis_busy'] for each in rounds):.0%}"))
    if "books" in results:
        rounds = results["books"]["rounds"]
        for name in ("gate", "redis", "postgres"):
            rows.append((f"CPU per check to the last row in the books: {name}", f"{median(each[f'{name}_us'] for each in rounds):.1f} µs"))
        rows.append(("booked per second, checks beside it", f"{median(each['booked_per_s'] for each in rounds):,.0f}"))
    if "memory" in results:
        part = results["memory"]
        rows.append((f"Redis' memory for {part['accounts']:,} accounts", f"{part['bytes'] / 1e6:,.0f} MB, {part['bytes'] / part['accounts']:.0f} bytes each"))
        rows.append(("CPU of Redis to load one", f"{part['load_us']:.1f} µs"))
    if "cold" in results:
        part = results["cold"]
        size = (part["full"]["redis_bytes"] - part["empty"]["redis_bytes"]) / part["users"]
        rows.append(("Redis' memory for a token that is in use", f"{size:.0f} bytes"))
    return table(("figure", "measured"), rows)


USED, MASTERS, PER_USER_PER_DAY, PEAK = 0.7, 3, 50, 4


def capacity(results):
    """What the measured costs come to, with cores filled to 70 %."""
    if "books" not in results:
        return ""
    cost = {name: median(each[f"{name}_us"] for each in results["books"]["rounds"]) for name in ("gate", "redis", "postgres")}
    rate = {name: USED * 1e6 / us for name, us in cost.items()}
    rows = [(f"one core of {name}", f"{cost[name.lower()]:.1f} µs", f"{rate[name.lower()]:,.0f}") for name in ("Gate", "Redis", "Postgres")]
    masters = MASTERS * rate["redis"]
    rows.append((f"{MASTERS} Redis masters", f"{cost['redis'] / MASTERS:.1f} µs", f"{masters:,.0f}"))
    users = masters * 86_400 / PEAK / PER_USER_PER_DAY
    text = table(("at 70 % of its cores", "CPU per check, books and all", "checks/s"), rows)
    text += (f"\n\n{MASTERS} masters want {masters * cost['gate'] / 1e6 / USED:.1f} cores of gates and"
             f" {masters * cost['postgres'] / 1e6 / USED:.1f} of Postgres beside them. At {PER_USER_PER_DAY} checks per user and"
             f" day, and a peak of {PEAK} times the average, they carry {users / 1e6:,.1f} million users.")
    if "memory" in results and "cold" in results:
        part, cold = results["memory"], results["cold"]
        token = (cold["full"]["redis_bytes"] - cold["empty"]["redis_bytes"]) / cold["users"]
        whole = part["bytes"] / part["accounts"] + token
        text += f" A million users in use, with a token each, take {whole / 1000:,.2f} GB of Redis' memory."
    return text


TABLES = {
    "goals": goals, "checks": lambda results: checks(results) if "compare" in results else "", "others": others,
    "capacity": capacity,
}


def summary(results):
    return "\n\n".join(make(results) for make in TABLES.values())


def write_tables(path, results):
    """Puts each table between its markers; the words around them stay."""
    text = path.read_text(encoding="utf-8")
    for name, make in TABLES.items():
        marked = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", re.S)
        text, count = marked.subn(lambda found, body=make(results): found[1] + body + found[2], text)
        if count != 1:
            raise SystemExit(f"{path} has no place for the table {name}")
    path.write_text(text, encoding="utf-8")
    return summary(results)
