"""The floor: the gate's own command by redis-benchmark, without any gate.

redis-benchmark can't send binary arguments. So it calls the same function under another name, with as many arguments of
the same length, and a preamble puts the request's and the rights' doubles in their place; they are the same for all
users. Its random numbers are the users' names.
"""

import re
import subprocess
import time

from load import cpu_us
from question import PLACEHOLDER

LIBRARY = "bench"


def literal(text):
    """A Lua string of these bytes."""
    return "'" + "".join(f"\\{byte:03d}" for byte in text) + "'"


class Floor:
    def __init__(self, stack, question, users):
        self.stack, self.users = stack, users
        verb, name, count, *words = question.words
        keys, arguments = words[:int(count)], words[int(count):]
        # Valid for all of the run.
        request = question.request_bytes(1200, int(time.time() * 1000) + 86_400_000)
        preamble = ""
        for index, word in enumerate(arguments):
            if index == question.request - 3 - len(keys):
                word = request
            if b"\0" in word:
                preamble += f"given[{index + 1}] = {literal(word)} "
                arguments[index] = b"x" * len(word)
        self.command = [
            word.replace(PLACEHOLDER.encode(), b"u___rand_int__")
            for word in (verb, self._register(name, preamble), count, *keys, *arguments)]

    def _register(self, name, preamble):
        """Loads the gate's library once more, under another name, each of its functions with the preamble."""
        redis = self.stack.redis
        for library in redis("FUNCTION", "LIST", "WITHCODE"):
            fields = dict(zip(library[::2], library[1::2]))
            if any(name in function for function in fields[b"functions"]):
                break
        else:
            raise SystemExit(f"Redis has no function {name.decode()}")
        head, rest = fields[b"library_code"].split(b"\n", 1)
        wrapped = f"""local function register_asked(of)
          redis.register_function({{
            function_name = '{LIBRARY}_' .. of.function_name, flags = of.flags,
            callback = function(keys, given) {preamble} return of.callback(keys, given) end,
          }})
        end
        """
        rest = rest.replace(b"redis.register_function", b"register_asked")
        head = re.sub(rb"name=\S+", b"name=" + LIBRARY.encode(), head)
        redis("FUNCTION", "LOAD", "REPLACE", head + b"\n" + wrapped.encode() + rest)
        return f"{LIBRARY}_".encode() + name

    def run(self, clients, pipeline, requests):
        """Asks so often: rps, p50 in microseconds, and Redis' CPU per command."""
        pid = self.stack.redis_process.pid
        before = cpu_us(pid)
        done = subprocess.run(
            ["redis-benchmark", "-s", str(self.stack.redis_path), "-c", str(clients), "-P", str(pipeline), "-n",
             str(requests), "-r", str(self.users), "--precision", "3", "--csv", *self.command],
            capture_output=True, check=False)
        lines = done.stdout.decode().strip().splitlines()
        if done.returncode or len(lines) < 2:
            raise SystemExit(f"redis-benchmark: {done.stdout.decode()} {done.stderr.decode()}")
        # The command's own words stand first in the line, and may hold anything.
        names = [name.strip('"') for name in lines[-2].split(",")][1:]
        figures = dict(zip(names, (value.strip('"') for value in lines[-1].split(",")[-len(names):])))
        return {
            "rps": float(figures["rps"]), "p50_us": float(figures["p50_latency_ms"]) * 1000,
            "redis_us": (cpu_us(pid) - before) / requests,
        }
