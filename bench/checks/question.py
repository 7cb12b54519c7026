"""What the gate asks Redis, taken from the wire, so that every peer asks the very same.

MONITOR shows the commands of a few checks of one user. Two checks that differ only in their tokens tell which of the
request's doubles is the tokens, which the deadline (it moved with the clock), and which argument is the operation id
(it never repeats). What the gate loads an account with is taken the same way.
"""

import base64
import hashlib
import json
import re
import struct
import time
import urllib.request

from resp import Redis, command
from stack import USER, token

PLACEHOLDER = USER % 0


class Monitor:
    _ARGUMENT = re.compile(rb'"((?:[^"\\]|\\.)*)"')
    _ESCAPE = re.compile(rb'\\(x[0-9a-f]{2}|.)')
    _LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}

    def __init__(self, path):
        self.redis = Redis(path)
        self.redis("MONITOR")
        self.marker = b"bench:%d" % time.monotonic_ns()
        self.asker = Redis(path)

    def seen(self):
        """The clients' commands so far, each a list of arguments."""
        self.asker("ECHO", self.marker)
        commands = []
        while True:
            line = self.redis.replies.readline()
            if b" lua] " in line:
                continue
            words = [self._plain(word) for word in self._ARGUMENT.findall(line)]
            if words[-1:] == [self.marker]:
                return commands
            commands.append(words)

    def _plain(self, word):
        def letter(match):
            code = match[1]
            return bytes([int(code[1:], 16)]) if code[:1] == b"x" else self._LETTERS.get(code, code)
        return self._ESCAPE.sub(letter, word)

    def close(self):
        self.redis.socket.close()
        self.asker.socket.close()


def check(port, number, tokens, connection=urllib.request):
    """One check over HTTP: status, headers, JSON."""
    request = connection.Request(
        f"http://127.0.0.1:{port}/v1/check", method="POST", data=json.dumps({"feature": "chat", "tokens": tokens}).encode(),
        headers={"X-TLE-Token": token(number), "Content-Type": "application/json"})
    with connection.urlopen(request, timeout=30) as answer:
        return answer.status, dict(answer.headers), json.loads(answer.read())


class Question:
    def __init__(self, stack, gate):
        monitor = Monitor(stack.redis_path)
        check(gate.port, 0, 1)
        commands = monitor.seen()
        lease = b"tg:{0}:lu:" + PLACEHOLDER.encode()
        loads = [words for words in commands if words[0] == b"FCALL" and lease in words]
        assert len(loads) == 1, f"the gate loaded the account {len(loads)} times"
        self.load = loads[0]
        self.nonce = next(words[2] for words in commands if words[:2] == [b"SET", lease])
        self.lease = lease
        first = self._ask(monitor, gate, 1201)
        time.sleep(0.05)
        second = self._ask(monitor, gate, 1202)
        monitor.close()
        self.words = second
        self._compare(first, second)

    @staticmethod
    def _ask(monitor, gate, tokens):
        check(gate.port, 0, tokens)
        checks = [words for words in monitor.seen() if words[0] == b"FCALL" and b"tg:{0}:u:" in b"".join(words)]
        assert len(checks) == 1, f"one check was {len(checks)} commands"
        return checks[0]

    def _compare(self, first, second):
        changed = [index for index, (a, b) in enumerate(zip(first, second)) if a != b]
        self.operation = next(index for index in changed if len(second[index]) == 16)
        self.request = next(index for index in changed if index != self.operation)
        assert len(changed) == 2, f"arguments {changed} differ"
        count = len(second[self.request]) // 8
        a, b = (struct.unpack(f"<{count}d", words[self.request]) for words in (first, second))
        self.tokens = next(index for index in range(count) if (a[index], b[index]) == (1201, 1202))
        moved = [index for index in range(count) if a[index] != b[index] and index != self.tokens]
        assert len(moved) == 1 and 0 < b[moved[0]] - a[moved[0]] < 60_000, f"doubles {moved} moved"
        self.deadline = moved[0]

    def request_bytes(self, tokens, deadline_ms):
        numbers = bytearray(self.words[self.request])
        struct.pack_into("<d", numbers, 8 * self.tokens, tokens)
        struct.pack_into("<d", numbers, 8 * self.deadline, deadline_ms)
        return bytes(numbers)

    def write_for_peers(self, path, count, redis_path):
        """The command with user 0's name in it, where its parts are, and who has which token."""
        path.write_text(json.dumps({
            "redis": str(redis_path),
            "placeholder": PLACEHOLDER,
            # Counted from 0.
            "command": [base64.b64encode(word).decode() for word in self.words],
            "request": self.request, "operation": self.operation, "tokens": self.tokens, "deadline": self.deadline,
            "deadline_ms": 5000,
            "plan": "bench", "requests": {"count": 1_000_000, "window_s": 60}, "min_tokens": 1,
            "users": {hashlib.sha256(token(n).encode()).hexdigest(): USER % n for n in range(count)},
        }))

    def load_accounts(self, redis, first, count, batch=1000):
        """Accounts as the gate loads them, by its own script, under its own lease."""
        template = command("SET", self.lease, self.nonce) + command(*self.load)
        name = PLACEHOLDER.encode()
        for start in range(first, first + count, batch):
            stop = min(start + batch, first + count)
            raw = b"".join(template.replace(name, b"u_%012d" % number) for number in range(start, stop))
            replies = redis.send(raw, 2 * (stop - start))
            bad = [reply for reply in replies[1::2] if reply not in (b"1", b"0")]
            assert not bad, f"an account was not loaded: {bad[0]}"
