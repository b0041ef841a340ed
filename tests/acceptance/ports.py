"""Ports for servers that are told theirs before they start."""

import os
import random
import socket

# Below those that systems hand out by themselves (Linux: from 32768, others: from 49152): one of those could be
# given to any connection between the look here and the start of the server.
_FIRST, _LAST = 20_000, 32_000
_OF_ONE_PROCESS = 1000

_given: set[int] = set()


def free_port() -> int:
    """A port that nobody listens on, of a range that the other processes of the test run don't use; never the same twice."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = _FIRST + worker * _OF_ONE_PROCESS % (_LAST - _FIRST)
    left = [port for port in range(first, first + _OF_ONE_PROCESS) if port not in _given]
    random.shuffle(left)
    for port in left:
        if _is_free(port):
            _given.add(port)
            return port
    raise OSError(f"no port from {first} to {first + _OF_ONE_PROCESS - 1} is free")


def _is_free(port: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False
