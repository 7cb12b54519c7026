"""The check load beside it: wrk, each connection pausing between two checks, so that it measures waiting and not
the machine's end."""

import asyncio
import concurrent.futures
import http.client
import re
import statistics
from pathlib import Path

SLICE_S = 5
TRIES_MAX = 100


class CheckLoad:
    def __init__(self, stack, connections, pause_ms):
        self.stack = stack
        self.connections = connections
        self.is_stopped = False
        self.script = Path(stack.folder) / "checks.lua"
        tokens = ",".join(f'"{token}"' for token in stack.tokens)
        self.script.write_text(f"""
local tokens = {{{tokens}}}
local refused = 0
function init() math.randomseed(tonumber(tostring({{}}):match("0x(%x+)"), 16) % 2147483647) end
function delay() return {pause_ms} end
function request()
  return wrk.format("POST", "/v1/check", {{["X-TLE-Token"] = tokens[math.random(#tokens)]}})
end
""")

    async def run(self, seconds):
        command = ["wrk", "-t1", f"-c{self.connections}", f"-d{seconds}s", "--latency", "-s", str(self.script),
                   f"http://127.0.0.1:{self.stack.gate_port}"]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        text = (await process.communicate())[0].decode()
        if process.returncode:
            raise SystemExit(f"wrk failed: {text}")
        refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        return {
            "per_s": float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]),
            "p50_ms": _milliseconds(re.search(r"(?m)^\s+50%\s+(\S+)", text)[1]),
            "p99_ms": _milliseconds(re.search(r"(?m)^\s+99%\s+(\S+)", text)[1]),
            "refused": int(refused[1]) if refused else 0,
        }

    async def run_slices(self, seconds=None):
        """Slices of some seconds, since how long the storm lasts is not known before: without `seconds`, until it is
        stopped."""
        slices = []
        while len(slices) * SLICE_S < seconds if seconds else not self.is_stopped or not slices:
            slices.append(await self.run(SLICE_S))
        return {
            "slices": len(slices),
            "per_s": round(sum(s["per_s"] for s in slices) / len(slices), 1),
            "p50_ms_median": statistics.median(s["p50_ms"] for s in slices),
            "p99_ms_median": statistics.median(s["p99_ms"] for s in slices),
            "p99_ms_worst": max(s["p99_ms"] for s in slices),
            "refused": sum(s["refused"] for s in slices),
        }

    def warm(self):
        """Asks for each account until it is answered, so that none is loaded for the first time while it is measured."""
        def ask(token):
            for _ in range(TRIES_MAX):
                connection = http.client.HTTPConnection("127.0.0.1", self.stack.gate_port)
                connection.request("POST", "/v1/check", headers={"X-TLE-Token": token})
                status = connection.getresponse().status
                connection.close()
                if status == 200:
                    return
            raise SystemExit(f"a check was answered {status}")

        # A load waits for the books, longer than it works.
        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            list(pool.map(ask, self.stack.tokens))

    def stop(self):
        self.is_stopped = True


def _milliseconds(text):
    for unit, factor in (("us", 0.001), ("ms", 1), ("s", 1000), ("m", 60_000)):
        if text.endswith(unit):
            return round(float(text[: -len(unit)]) * factor, 3)
    raise ValueError(text)
