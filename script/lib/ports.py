"""TCP ports of 127.0.0.1 for processes that are started here."""

import random
import socket

# Below Linux's range of ports for outgoing connections (net.ipv4.ip_local_port_range, from 32768): none of those can
# take a port between its choice and its use.
RANGE = range(20000, 32000)


def free_port():
    """A port that nobody listens on, drawn at random so that two runs at once hardly meet."""
    for port in random.sample(RANGE, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise SystemExit(f"none of 200 ports of {RANGE} is free")
