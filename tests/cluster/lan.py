"""A real LAN on one machine: each host is a network namespace, the switches are bridges in a namespace of their own.

Nothing in the machine's own network is touched. Needs Linux, root and the Debian packages in `PACKAGES`. The methods block for
some milliseconds. `time.monotonic()` and the file system are common to all hosts.
"""

import contextlib
import glob
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import psutil

from tests.cluster.avahi import Avahi

PACKAGES = ("iproute2", "nftables", "avahi-daemon", "libnss-mdns", "curl", "iputils-ping")
INTERFACE = "eth0"  # the one network card of a host
_COMMANDS = ("ip", "nft", "avahi-daemon", "curl", "ping", "getent", "nsenter", "unshare")
_MDNS_LOOKUP = "/usr/lib/*/libnss_mdns_minimal.so.2"
_OURS = re.compile(r"corral-(\d+)-(\d+)-")
_COUNT = itertools.count()
_ENDS_IN_S = 5.0


class LanUnavailable(RuntimeError):
    """This machine can't have such a LAN; the message says what to do."""


def lan_unavailable_reason() -> str | None:
    """Why no LAN can be made here and what to do about it, or None if it can."""
    if sys.platform != "linux":
        return "network namespaces exist only on Linux; run these tests there, for example in a container"
    if os.geteuid() != 0:
        return "network namespaces need root; run the tests as root, for example in a container with --privileged"
    missing = [name for name in _COMMANDS if shutil.which(name) is None]
    missing += [] if glob.glob(_MDNS_LOOKUP) else ["libnss-mdns"]
    if missing:
        return f"missing: {', '.join(missing)}; on Debian: apt-get install -y {' '.join(PACKAGES)}"
    tried = subprocess.run(["unshare", "--net", "true"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"the kernel makes no network namespace: {tried.stderr.strip()}"


class Lan:
    """Hosts `h1`, `h2`, … with the addresses 10.77.0.1, 10.77.0.2, …, all on switch 0; a context manager.

    IPv6 link-local addresses work at once. There is no default route unless `default_route` is called.
    """

    def __init__(self, hosts: int) -> None:
        reason = lan_unavailable_reason()
        if reason is not None:
            raise LanUnavailable(reason)
        remove_stale()
        self.hosts = tuple(f"h{number}" for number in range(1, hosts + 1))
        self._prefix = f"corral-{os.getpid()}-{_started_at(os.getpid())}-{next(_COUNT)}"
        self._switch = f"{self._prefix}-switch"
        self._addresses: dict[str, str] = {}
        self._running: list[subprocess.Popen[bytes]] = []
        self._avahi: dict[str, Avahi] = {}
        try:
            self._make_switches()
            for host in self.hosts:
                self._make_host(host)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill what runs on the hosts, wait for it, and remove the namespaces."""
        for process in self._running:
            _kill_session(process)
        self._running.clear()
        self._avahi.clear()
        for name in _namespaces():
            if name.startswith(f"{self._prefix}-"):
                _remove(name)

    def namespace(self, host: str) -> str:
        """The name of its network namespace, as `ip netns` knows it."""
        return f"{self._prefix}-{host}"

    def address(self, host: str) -> str:
        """Its IPv4 address."""
        return self._addresses[host]

    def link_local(self, host: str) -> str:
        """Its IPv6 link-local address, without scope."""
        shown = json.loads(self.ip(host, "-j", "-6", "addr", "show", "dev", INTERFACE, "scope", "link"))
        return str(next(each["local"] for link in shown for each in link.get("addr_info", [])))

    def cable(self, host: str, *, in_: bool) -> None:
        """Pull the network cable out, or put it in again; the addresses stay as they are."""
        self._at_switch(f"link set p-{host} {'up' if in_ else 'down'}")

    def interface(self, host: str, *, up: bool) -> None:
        """Switch the network card off (its IPv6 address goes) or on again."""
        self.ip(host, "link", "set", INTERFACE, "up" if up else "down")

    def switch(self, host: str, number: int) -> None:
        """Move the cable to switch 0 or 1, which are not connected to each other."""
        self._at_switch(f"link set p-{host} master br{number}")

    def readdress(self, host: str, address: str | None) -> None:
        """Give it another IPv4 address in 10.77.0.0/24 in place of the present one, or none."""
        old = self._addresses.pop(host, None)
        if old is not None:
            self.ip(host, "addr", "del", f"{old}/24", "dev", INTERFACE)
        if address is not None:
            self.ip(host, "addr", "add", f"{address}/24", "dev", INTERFACE)
            self._addresses[host] = address

    def default_route(self, host: str, gateway: str) -> None:
        """Give it a default route through another host's address."""
        self.ip(host, "route", "replace", "default", "via", gateway, "dev", INTERFACE)

    def loss(self, host: str, percent: int) -> None:
        """Let the host lose so many of the packets that come in; 0 ends that."""
        self.run(host, ["nft", "flush ruleset"])
        if percent:
            chain = "{ type filter hook prerouting priority -300; }"
            drop = f"iif {INTERFACE} numgen random mod 100 <= {percent - 1} drop"
            self.run(
                host,
                ["nft", f"add table inet loss; add chain inet loss in {chain}; add rule inet loss in {drop}"],
            )

    def ip(self, host: str, *arguments: str) -> str:
        """What `ip ARGUMENTS` on this host prints."""
        return _run(["ip", "-n", self.namespace(host), *arguments])

    def run(self, host: str, argv: Sequence[str], *, timeout_s: float = 20.0) -> str:
        """What the command prints on this host. Raises CalledProcessError, TimeoutExpired."""
        return _run(["ip", "netns", "exec", self.namespace(host), *argv], timeout_s=timeout_s)

    def popen(
        self,
        host: str,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        *,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
        stdin: int | IO[Any] | None = subprocess.DEVNULL,
        cwd: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a command on this host, in a session of its own; its pid is the command's. `close` kills and reaps it."""
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.namespace(host), *argv],
            env=env,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=cwd,
            start_new_session=True,
        )
        self._running.append(process)
        return process

    def resolve(self, host: str, name: str, *, family: int = 4, timeout_s: float = 20.0) -> tuple[str, ...]:
        """The addresses that a program on this host gets for a `.local` name; empty if none. Starts avahi at first use."""
        return self._resolver(host).resolve(name, family=family, timeout_s=timeout_s)

    def curl(self, host: str, url: str, *options: str, timeout_s: float = 20.0) -> str:
        """The body that curl gets on this host, with `.local` names resolved by avahi. Raises CalledProcessError."""
        return self._resolver(host).curl(url, *options, timeout_s=timeout_s)

    def _resolver(self, host: str) -> Avahi:
        if host not in self._avahi:
            self._avahi[host] = Avahi(lambda argv: self.popen(host, argv), interface=INTERFACE)
        return self._avahi[host]

    def _make_switches(self) -> None:
        _run(["ip", "netns", "add", self._switch])
        bridges = [
            f"link add {name} type bridge mcast_snooping 0\nlink set {name} up" for name in ("br0", "br1")
        ]
        self._at_switch("link set lo up", *bridges)

    def _make_host(self, host: str) -> None:
        namespace = self.namespace(host)
        _run(["ip", "netns", "add", namespace])
        # An address that is still being checked for duplicates can't be bound; that check takes a second.
        self.run(host, ["sh", "-c", "for f in /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 > $f; done"])
        self._at_switch(
            f"link add p-{host} type veth peer name {INTERFACE} netns {namespace}",
            f"link set p-{host} master br0 up",
        )
        self.ip(host, "link", "set", "lo", "up")
        self.ip(host, "link", "set", INTERFACE, "up")
        self.readdress(host, f"10.77.0.{self.hosts.index(host) + 1}")

    def _at_switch(self, *lines: str) -> None:
        _run(["ip", "-n", self._switch, "-batch", "-"], given="\n".join(lines) + "\n")


def remove_stale() -> None:
    """Remove the namespaces of runs that died before they could, and kill what still runs in them."""
    for name in _namespaces():
        ours = _OURS.match(name)
        if ours is not None and _started_at(int(ours[1])) != int(ours[2]):
            _remove(name)


def _namespaces() -> list[str]:
    return [line.split()[0] for line in _run(["ip", "netns", "list"]).splitlines() if line]


def _started_at(pid: int) -> int | None:
    try:
        return int(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


def _remove(namespace: str) -> None:
    """Two runs may remove the same stale one at once, so that it is gone already is no error."""
    inside = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False)
    for pid in inside.stdout.split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            continue
    subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)


def _kill_session(process: subprocess.Popen[bytes]) -> None:
    """A stopped process is killed too; one that ended by itself may have left others in its session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(_ENDS_IN_S)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):  # nobody read what was written last
                stream.close()


def _run(argv: Sequence[str], *, given: str | None = None, timeout_s: float = 20.0) -> str:
    done = subprocess.run(argv, input=given, capture_output=True, text=True, timeout=timeout_s, check=False)
    if done.returncode != 0:
        error = subprocess.CalledProcessError(done.returncode, list(argv), done.stdout, done.stderr)
        error.add_note(f"it said: {(done.stderr or done.stdout).strip()}")
        raise error
    return done.stdout
