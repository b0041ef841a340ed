"""Ports where no honest peer answers."""

import contextlib
import socket
from collections.abc import Iterator

from corral.peers.address import Address


@contextlib.contextmanager
def closed_port() -> Iterator[Address]:
    """An address that refuses connections: bound, so that nobody else gets it, but not listening."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield Address("127.0.0.1", bound.getsockname()[1])


@contextlib.contextmanager
def deaf_port() -> Iterator[Address]:
    """An address that accepts connections and says nothing, as a machine that hangs."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield Address("127.0.0.1", listening.getsockname()[1])
