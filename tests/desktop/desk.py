"""Corral as somebody starts it on a desktop: `corral serve`, with an icon on the panel of a `Screen`."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.acceptance.node import Node
from tests.desktop.screen import Screen, wait_for

GI = Path("/usr/lib/python3/dist-packages")  # where Debian has what GTK needs of Python


class Desk(Node):
    """A node whose backend is one of pystray's for Linux: xorg, gtk, appindicator."""

    def __init__(self, screen: Screen, backend: str, *, home: Path, models: Path) -> None:
        self.screen = screen
        self.backend = backend
        super().__init__(home, models=models, settings=settings_of(screen, backend, home.parent))

    @property
    def has_menu(self) -> bool:
        return self.backend != "xorg"

    def local(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The answer to a command of this machine."""
        headers = {"authorization": f"Bearer {(self.home / 'local.token').read_text()}"}
        answer = httpx.request(method, f"{self.url}{path}", json=body, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def sharing(self) -> str:
        return str(httpx.get(f"{self.url}/health", timeout=30).json()["sharing"])

    def signed_in(self) -> int:
        """How often somebody signed in by a link of this machine."""
        entries = self.local("GET", "/v0/audit")["entries"]
        return sum(each["path"] == "/v0/auth/one-time" and each["status"] == 200 for each in entries)

    def again(self) -> "subprocess.CompletedProcess[str]":
        """A second start."""
        return subprocess.run(
            [sys.executable, "-m", "corral.app.cli", "serve"],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def choose(self, *keys: str) -> None:
        """Open the icon's menu and pick an item with the keyboard."""
        before = self.screen.picture()
        self.screen.click(button=1 if self.backend == "appindicator" else 3)
        wait_for(lambda: self.screen.picture() != before, what="the menu")
        self.screen.keys(*keys, "Return")

    def family(self) -> list[psutil.Process]:
        """It and all that it started."""
        process = psutil.Process(self.process.pid)
        return [process, *process.children(recursive=True)]

    def ends(self, number: signal.Signals | None = None) -> int:
        """Its exit status; with a signal it is told to end by that."""
        family = self.family()
        if number is not None:
            self.process.send_signal(number)
        status = self.process.wait(timeout=30)
        wait_for(lambda: not [each for each in family if _lives(each)], what="the end of its processes")
        return status


def settings_of(screen: Screen, backend: str, folder: Path) -> dict[str, str]:
    """GTK's Python is put in the way of this process only, by a folder with links."""
    browser = folder / "browser.sh"  # of somebody who writes down what it shall show
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > "{screen.folder}/browsed"\n')
    browser.chmod(0o700)
    settings = {**screen.environment, "CORRAL_TRAY": "on", "BROWSER": f"{browser} %s"}
    if backend == "xorg":
        return settings
    links = folder / "gi"
    links.mkdir()
    for package in ("gi", "cairo"):
        assert (GI / package).exists(), "the Debian packages python3-gi and python3-gi-cairo are needed"
        (links / package).symlink_to(GI / package)
    path = os.pathsep.join(filter(None, (screen.environment.get("PYTHONPATH"), str(links))))
    chosen = {} if backend == "appindicator" else {"PYSTRAY_BACKEND": backend}
    return {**settings, **chosen, "PYTHONPATH": path}


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
