"""How a computer without Corral looks up `.local` names: avahi with nss-mdns, as Debian and Ubuntu have it."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

_STARTS_IN_S = 10.0
_POLL_S = 0.01
_CONFIGURATION = """\
[server]
use-ipv4=yes
use-ipv6=yes
enable-dbus=no
allow-interfaces={interface}
ratelimit-interval-usec=1000000
ratelimit-burst=1000
[wide-area]
enable-wide-area=no
[publish]
disable-publishing=yes
"""
_LOOKUP = "hosts: files mdns4_minimal [NOTFOUND=return] dns\n"
# In a mount namespace of its own: this machine's avahi and its lookup order stay as they are.
_START = """\
set -e
mkdir -p /run/avahi-daemon
mount -t tmpfs none /run/avahi-daemon
cp {folder}/nsswitch.conf {folder}/avahi.conf /run/avahi-daemon/
mount --bind /run/avahi-daemon/nsswitch.conf /etc/nsswitch.conf
rm -r {folder}
exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f /run/avahi-daemon/avahi.conf
"""


class Avahi:
    """One avahi-daemon that only asks, on the host where `popen` starts it; that one also ends it."""

    def __init__(
        self, popen: Callable[[Sequence[str]], "subprocess.Popen[bytes]"], *, interface: str
    ) -> None:
        folder = Path(tempfile.mkdtemp(prefix="corral-avahi-"))
        (folder / "avahi.conf").write_text(_CONFIGURATION.format(interface=interface))
        (folder / "nsswitch.conf").write_text(_LOOKUP)
        self._process = popen(["unshare", "--mount", "sh", "-c", _START.format(folder=folder)])
        self._await_ready()

    def resolve(self, name: str, *, family: int, timeout_s: float) -> tuple[str, ...]:
        """The addresses (4 or 6) of the name; empty if nobody answers for it."""
        lookup = ["getent", "-s", f"hosts:mdns{family}_minimal", f"ahostsv{family}", name]
        done = self._run(lookup, timeout_s)
        if done.returncode == 2:  # not found
            return ()
        done.check_returncode()
        return tuple(dict.fromkeys(line.split()[0] for line in done.stdout.splitlines()))

    def curl(self, url: str, *options: str, timeout_s: float) -> str:
        """The body; fails on a status of 400 and more as `curl --fail` does. Raises CalledProcessError."""
        done = self._run(["curl", "--silent", "--show-error", "--fail", *options, url], timeout_s)
        if done.returncode != 0:
            error = subprocess.CalledProcessError(done.returncode, done.args, done.stdout, done.stderr)
            error.add_note(f"curl said: {done.stderr.strip()}")
            raise error
        return done.stdout

    def _run(self, argv: Sequence[str], timeout_s: float) -> "subprocess.CompletedProcess[str]":
        entered = ["nsenter", "--mount", "--net", "--target", str(self._process.pid), *argv]
        return subprocess.run(entered, capture_output=True, text=True, timeout=timeout_s, check=False)

    def _await_ready(self) -> None:
        socket = f"/proc/{self._process.pid}/root/run/avahi-daemon/socket"
        end = time.monotonic() + _STARTS_IN_S
        while not os.path.exists(socket):
            assert self._process.poll() is None, f"avahi-daemon ended with {self._process.returncode}"
            assert time.monotonic() < end, f"avahi-daemon did not start within {_STARTS_IN_S} s"
            time.sleep(_POLL_S)
