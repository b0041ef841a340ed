"""A node as a user starts it: `corral serve` with a data directory of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import psutil

from tests.acceptance.ports import free_port

API_KEY = "sk_" + "a1" * 16
START_DEADLINE_S = 60.0
_POLL_S = 0.05


class Node:
    """Starts at once; `wait_until_ready` before the first request, `stop` at the end."""

    def __init__(self, home: Path, *, models: Path, settings: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.port = free_port()
        self.peer_port = free_port()
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CORRAL_")},
            "CORRAL_DATA_DIR": str(home),
            "CORRAL_MODELS_DIR": str(models),
            "CORRAL_HOST": "127.0.0.1",
            "CORRAL_PORT": str(self.port),
            "CORRAL_PEER_PORT": str(self.peer_port),
            "CORRAL_BOOTSTRAP_API_KEY": API_KEY,
            "CORRAL_TRAY": "off",
            **(settings or {}),
        }
        self.process = self._spawn()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, **options: float) -> httpx.Client:
        """An HTTP client with the first key."""
        timeout = options.get("timeout", 120.0)
        return httpx.Client(
            base_url=self.url, headers={"authorization": f"Bearer {API_KEY}"}, timeout=timeout
        )

    def start_again(self) -> None:
        self.process = self._spawn()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_DEADLINE_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"the node ended: {self.output()}"
            try:
                if httpx.get(f"{self.url}/startup", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(_POLL_S)
        raise AssertionError(f"the node was not ready in time: {self.output()}")

    def workers(self) -> list[psutil.Process]:
        """The processes that models run in."""
        return [
            child
            for child in psutil.Process(self.process.pid).children()
            if "worker" in " ".join(child.cmdline())
        ]

    def output(self) -> str:
        return (self.home.parent / f"{self.home.name}.output").read_text(errors="replace")

    def kill(self) -> None:
        """As a crash: no time to clean up."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)

    def _spawn(self) -> subprocess.Popen[bytes]:
        with (self.home.parent / f"{self.home.name}.output").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "corral.app.cli", "serve"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
