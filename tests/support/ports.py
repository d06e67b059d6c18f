"""Ports for processes that are started by a test, given out so that nothing takes one before its process listens."""

import random
import socket

# Below what Linux (32768) and macOS (49152) give to outgoing connections: asking the system for any port would give one
# of those, and with thousands of connections a minute it may be taken by the time a process has started.
RANGE = range(10_000, 32_000)
_given: set[int] = set()


def free_port() -> int:
    """Return a port without a listener, never the same one twice in a process."""
    while True:
        port = random.SystemRandom().choice(RANGE)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
