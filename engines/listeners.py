"""Which program listens on a TCP port of this machine."""

from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A program. Without a number the system doesn't tell us: it is another user's."""

    pid: int | None = None
    name: str = ""


def listener_on(port: int) -> Listener | None:
    """Who listens there; None if nobody does, as far as the system tells."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:  # macOS tells administrators only
        return None
    for each in connections:
        if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port:
            return Listener(pid=each.pid, name=_name(each.pid))
    return None


def _name(pid: int | None) -> str:
    try:
        return "" if pid is None else psutil.Process(pid).name()
    except psutil.Error:  # it has just ended, or is another user's
        return ""
