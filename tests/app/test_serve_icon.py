"""`corral serve` where there can be no icon: one line says why, and the node serves all the same."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.node import Node

NO_SCREEN = {
    "DISPLAY": "",
    "WAYLAND_DISPLAY": "",
    "DBUS_SESSION_BUS_ADDRESS": "",
    "XDG_RUNTIME_DIR": "/nowhere",
}
LINE = "No icon in the tray: "


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Node]:
    node = Node(folder / "data", models=folder, settings={**NO_SCREEN, **settings})
    try:
        node.wait_until_ready()
        yield node
    finally:
        node.stop()


@pytest.mark.parametrize(
    ("display", "reason"),
    [({}, "there is no display"), ({"DISPLAY": "127.0.0.1:97"}, "the desktop can't be used")],
)
def test_it_says_once_why_there_is_none(tmp_path: Path, display: dict[str, str], reason: str) -> None:
    with running(tmp_path, CORRAL_TRAY="auto", **display) as node:
        lines = [line for line in node.output().splitlines() if line.startswith(LINE)]
        assert len(lines) == 1 and lines[0].startswith(LINE + reason)
        logged = "".join(each.read_text() for each in (node.home / "logs").iterdir())
        assert logged.count("no icon in the tray") == 1


def test_where_none_is_wanted_nothing_is_said(tmp_path: Path) -> None:
    with running(tmp_path, CORRAL_TRAY="off", DISPLAY="127.0.0.1:97") as node:
        assert LINE not in node.output()


def test_where_it_must_be_it_is_a_mistake(tmp_path: Path) -> None:
    node = Node(tmp_path / "data", models=tmp_path, settings={**NO_SCREEN, "CORRAL_TRAY": "on"})
    assert node.process.wait(60) == 1
    assert "there can be no icon in the tray: there is no display; set `tray` to" in node.output()


def test_without_a_display_no_toolkit_is_loaded() -> None:
    program = (
        "import sys; from corral.app.commands import serve; import corral.app.node; "
        "print([each for each in ('pystray', 'PIL', 'webview', 'gi', 'Xlib') if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
