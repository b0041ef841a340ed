"""What every TCP connection between members needs: small messages leave at once, and a dead machine is noticed."""

import contextlib
import socket
from typing import Final

_IDLE_S: Final = 10  # silence after which the other side is probed
_INTERVAL_S: Final = 5
_PROBES: Final = 3
_STUCK_MS: Final = 30_000  # bytes that aren't taken that long: the other machine is gone, or doesn't read
_OPTIONS: Final = (  # not every system has each
    ("TCP_KEEPIDLE", _IDLE_S),
    ("TCP_KEEPALIVE", _IDLE_S),  # macOS's name for it
    ("TCP_KEEPINTVL", _INTERVAL_S),
    ("TCP_KEEPCNT", _PROBES),
    ("TCP_USER_TIMEOUT", _STUCK_MS),
)


def prepare(connection: socket.socket) -> None:
    """Set them; accepted sockets don't inherit all. Raises OSError if the connection is gone."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _OPTIONS:
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def hang_up(connection: socket.socket) -> None:
    """End a connection that a transport owns or is about to own: it sees the end, and closes the socket."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
