"""A machine of the test LAN that runs Corral as a user starts it, and what a program on it sees."""

import asyncio
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, TypeVar

import httpx

from tests.cluster.lan import Lan

PORT = 32768
START_DEADLINE_S = 60.0
_POLL_S = 0.05
_CLONE_NEWNET = 0x40000000

T = TypeVar("T")


class Machine:
    """`corral serve` on one host of a LAN, with a data folder of its own and nothing configured."""

    def __init__(
        self,
        lan: Lan,
        host: str,
        home: Path,
        *,
        models: Path | None = None,
        settings: Mapping[str, str] | None = None,
        program: Sequence[str] = ("corral.app.cli",),
    ) -> None:
        self.lan = lan
        self.host = host
        self.home = home
        self.name = host
        self.program = program  # module and first arguments; another one counts from the next start on
        self._output = home.parent / f"{home.name}.output"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CORRAL_")},
            "CORRAL_DATA_DIR": str(home),
            "CORRAL_NODE_NAME": host,
            "CORRAL_TRAY": "off",
            **({} if models is None else {"CORRAL_MODELS_DIR": str(models)}),
            **(settings or {}),
        }
        self._threads = ThreadPoolExecutor(8, initializer=_enter, initargs=(lan.namespace(host),))
        self.process = self._spawn()

    # --- its life

    def start_again(self) -> None:
        self.process = self._spawn()

    def kill(self) -> None:
        """As a crash: no time to clean up."""
        self.process.kill()
        self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self) -> None:
        """As a user stops it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        self._threads.shutdown()

    def output(self) -> str:
        return self._output.read_text(errors="replace")

    def _spawn(self) -> Any:
        with self._output.open("ab") as output:
            return self.lan.popen(
                self.host,
                [sys.executable, "-m", *self.program, "serve"],
                self._environment,
                stdout=output,
                stderr=output,
            )

    # --- what a program on it sees

    def begin(self, call: Callable[[], T]) -> "Future[T]":
        """Run this on the machine, in a thread of this process; a few of them at once."""
        return self._threads.submit(call)

    def inside(self, call: Callable[[], T]) -> T:
        """Run this on the machine and wait for it."""
        return self.begin(call).result()

    def inside_async(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The same for a coroutine."""
        return self.inside(lambda: asyncio.run(call()))

    def ask(
        self, method: str, path: str, body: object = None, *, key: str | None = None, host: str = "127.0.0.1"
    ) -> httpx.Response:
        """Ask the front door of this machine, or of another, from this machine."""
        headers = {"authorization": f"Bearer {key or self.token()}"}
        url = f"http://{host}:{PORT}{path}"
        return self.inside(
            lambda: httpx.request(method, url, json=body, headers=headers, timeout=60, trust_env=False)
        )

    def token(self) -> str:
        """The credential of this machine's commands."""
        return (self.home / "local.token").read_text().strip()

    def corral(self, *arguments: str) -> str:
        """What `corral ARGUMENTS` prints on this machine."""
        command = ["env", *(f"{name}={value}" for name, value in self._corral_settings().items())]
        return self.lan.run(
            self.host, [*command, sys.executable, "-m", "corral.app.cli", *arguments], timeout_s=120
        )

    def begin_corral(self, *arguments: str, stdout: IO[bytes]) -> "subprocess.Popen[bytes]":
        """Start `corral ARGUMENTS` on this machine; the LAN kills it at its end."""
        command = [sys.executable, "-m", "corral.app.cli", *arguments]
        return self.lan.popen(self.host, command, self._environment, stdout=stdout, stderr=stdout)

    def _corral_settings(self) -> dict[str, str]:
        return {name: value for name, value in self._environment.items() if name.startswith("CORRAL_")}

    def cluster(self) -> dict[str, Any]:
        """What its front door says of the cluster."""
        answer = self.ask("GET", "/v0/cluster")
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
        return document

    def local(self) -> dict[str, Any]:
        """What this machine itself says of it."""
        answer = self.ask("GET", "/v0/cluster/local")
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
        return document

    def router(self) -> str | None:
        """The name of its router; None: there is none, or it doesn't answer."""
        try:
            router = self.local()["router"]
        except (httpx.HTTPError, OSError):
            return None
        return None if router is None else str(router["name"])

    def wait_until_ready(self) -> None:
        """Until it answers and knows a router."""

        def ready() -> bool:
            assert self.process.poll() is None, f"the node ended: {self.output()}"
            return self.router() is not None

        wait_for(ready, within_s=START_DEADLINE_S, what=lambda: f"{self.host} to be ready: {self.output()}")


def wait_for(
    condition: Callable[[], object], *, within_s: float = 30.0, what: Callable[[], object] = lambda: "it"
) -> None:
    """Look again and again; AssertionError if it doesn't become true in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {within_s} s for {what()}"
        threading.Event().wait(_POLL_S)


def one_router(*machines: Machine) -> str | None:
    """The router that all of them name; None if they don't agree."""
    named = {machine.router() for machine in machines}
    return named.pop() if len(named) == 1 else None


def pair(member: Machine, newcomer: Machine) -> None:
    """Approve a machine that asks by itself, and wait until it is in."""

    def asks() -> bool:
        return any(each["name"] == newcomer.name for each in member.cluster()["requests"])

    wait_for(asks, what=lambda: f"{newcomer.name} to ask: {newcomer.output()} {json.dumps(member.cluster())}")
    member.corral("cluster", "approve", newcomer.name)

    def is_in() -> bool:
        try:
            return bool(newcomer.local()["cluster"]["id"] == member.local()["cluster"]["id"]) and (
                one_router(member, newcomer) is not None
            )
        except (httpx.HTTPError, OSError):
            return False

    wait_for(is_in, what=lambda: f"{newcomer.name} to be in: {newcomer.output()}")


def _enter(namespace: str) -> None:
    """Let this thread's sockets belong to a host of the LAN."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if libc.setns(descriptor, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns failed")
    finally:
        os.close(descriptor)
