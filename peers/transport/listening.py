"""The sockets of the peer port: IPv4 and IPv6 under one number."""

import contextlib
import errno
import socket
from collections.abc import Sequence
from typing import Final

_BACKLOG: Final = 512
_TRIES: Final = 20  # to find a number that is free in both families
_NO_SUCH_FAMILY: Final = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT)


class ListenError(Exception):
    """The peer port can't be opened; the message says why and what to do."""


def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on `host`, all with the same port; "" is every address of both families. Port 0 picks one.

    Raises ListenError.
    """
    families = [(socket.AF_INET6, "::"), (socket.AF_INET, "0.0.0.0")] if not host else [_family(host)]
    for tries_left in reversed(range(_TRIES)):
        try:
            return _listen(families, port)
        except OSError as error:
            if port or error.errno != errno.EADDRINUSE or not tries_left:
                raise ListenError(_why(error, host, port)) from error
    raise AssertionError("the last try returns or raises")


def _family(host: str) -> tuple[socket.AddressFamily, str]:
    return (socket.AF_INET6 if ":" in host else socket.AF_INET), host


def _listen(families: Sequence[tuple[socket.AddressFamily, str]], port: int) -> list[socket.socket]:
    with contextlib.ExitStack() as undo:
        made: list[socket.socket] = []
        for family, host in families:
            try:
                each = socket.create_server((host, port), family=family, backlog=_BACKLOG)
            except OSError as error:
                if len(families) > 1 and error.errno in _NO_SUCH_FAMILY:
                    continue  # a machine without IPv6, or without IPv4
                raise
            undo.callback(each.close)
            each.setblocking(False)
            port = int(each.getsockname()[1])
            made.append(each)
        if not made:
            raise OSError(errno.EADDRNOTAVAIL, "this machine has no network addresses")
        undo.pop_all()
        return made


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is taken by another program, so other machines can't reach this one."
            " Stop that program, or change the setting peer_port."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} needs more rights. Change the setting peer_port to one above 1023."
    return f"Can't listen on {host or 'any address'} port {port}: {error.strerror or error}."
