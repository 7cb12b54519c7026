"""wrk against one address, with what the processes behind it took meanwhile."""

import json
import os
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent


def children(pid):
    """A process and those that it started."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += children(int(child))
    return found


def cpu_us(pid):
    """CPU time of a process and its children, microseconds, as the scheduler counted it."""
    total = 0
    for process in children(pid):
        for task in Path(f"/proc/{process}/task").glob("*"):
            try:
                total += int((task / "schedstat").read_text().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                continue
    return total / 1000


def rss_mb(pid, kind="VmRSS"):
    """Resident memory; `RssAnon` is the part that no file backs."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"process {pid} has gone")


class Load:
    """A load of `connections`, each asking with the tokens of lines `skip` to `skip + count` of a file."""

    def __init__(self, tokens, port, connections, seconds, skip=0, count=10_000, pause_ms=0):
        self.process = subprocess.Popen(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(HERE / "wrk.lua"),
             f"http://127.0.0.1:{port}", "--", str(tokens), str(skip), str(count), str(pause_ms)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def result(self):
        text = self.process.communicate()[0]
        if self.process.returncode:
            raise SystemExit(f"wrk failed: {text}")
        figures = json.loads(text.strip().splitlines()[-1])
        figures["rps"] = figures["requests"] / figures["duration_us"] * 1e6
        return figures


def measured(processes, make_load, refusals_allowed=False):
    """Runs a load; adds the CPU that each of `processes` (name to pid) took for one answer, `<name>_us`.

    wrk's own time to set its connections up is part of the run and of nobody's CPU but its own."""
    before = {name: cpu_us(pid) for name, pid in processes.items()}
    figures = make_load().result()
    for name, pid in processes.items():
        figures[f"{name}_us"] = (cpu_us(pid) - before[name]) / max(1, figures["requests"])
    if not refusals_allowed and (figures["refused"] or figures["failed"]):
        raise SystemExit(f"not every answer was an allowed spend: {figures}")
    return figures


def cores():
    return len(os.sched_getaffinity(0))
