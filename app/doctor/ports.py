"""Whether the ports of the node are free, or who has them."""

import errno
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from corral.app.doctor.finding import Finding, ok, problem
from corral.app.settings_table import Settings
from corral.engines.listeners import Listener, listener_on


@dataclass(frozen=True, slots=True, kw_only=True)
class PortFacts:
    """One port that the node wants."""

    setting: str
    host: str
    port: int
    error: int | None = None  # errno of listening there
    listener: Listener | None = None
    running_pid: int | None = None  # of our running node


def gather_ports(settings: Settings, *, running_pid: int | None) -> list[PortFacts]:
    """Try the client port and the peer port; 0 is always free."""
    wanted = {"port": settings.port, "peer_port": settings.peer_port}
    return [_facts(name, settings.host, port, running_pid) for name, port in wanted.items() if port]


def judge_ports(ports: Sequence[PortFacts]) -> list[Finding]:
    """One finding for each port."""
    found = [_judge(facts) for facts in ports]
    if len({facts.port for facts in ports}) < len(ports):
        found.append(
            problem("ports", f"port and peer_port are both {ports[0].port}", "Give each a port of its own.")
        )
    return found


def _facts(setting: str, host: str, port: int, running_pid: int | None) -> PortFacts:
    error = _error_of_listening(host, port)
    listener = listener_on(port) if error == errno.EADDRINUSE else None
    return PortFacts(
        setting=setting, host=host, port=port, error=error, listener=listener, running_pid=running_pid
    )


def _error_of_listening(host: str, port: int) -> int | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except socket.gaierror:
        return errno.EADDRNOTAVAIL
    except OSError as error:
        return error.errno or errno.EIO
    return None


def _judge(facts: PortFacts) -> Finding:
    check, number = facts.setting.replace("_", " "), facts.port
    if facts.error is None:
        return ok(check, f"{number} is free")
    if facts.error == errno.EADDRNOTAVAIL:
        remedy = "Change it: `corral settings set host 0.0.0.0`."
        return problem(check, f"the setting host, {facts.host!r}, is no address of this machine", remedy)
    if facts.error == errno.EACCES:
        remedy = f"Choose one above 1023: `corral settings set {facts.setting} 32768`."
        return problem(check, f"{number} needs more rights than this user has", remedy)
    if facts.error != errno.EADDRINUSE:
        return problem(check, f"{number} can't be listened on (error {facts.error})", "Choose another.")
    listener = facts.listener
    if facts.running_pid is not None and (listener is None or listener.pid in (None, facts.running_pid)):
        return ok(check, f"{number} is used by the running node")
    remedy = f"End that program, or choose another port: `corral settings set {facts.setting} 32800`."
    return problem(check, f"{number} is taken by {_described(listener)}", remedy)


def _described(listener: Listener | None) -> str:
    if listener is None:
        return "another program"
    if listener.pid is None:
        return "a program of another user"
    return f"{listener.name or 'a program'} (process {listener.pid})"
