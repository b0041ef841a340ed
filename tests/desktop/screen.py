"""An X server without a screen, a session bus, a window manager, a panel with a tray, and notifications, all of their own."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from PIL import Image

PROGRAMS = (
    "Xvfb",
    "dbus-daemon",
    "openbox",
    "xfce4-panel",
    "dunst",
    "dunstctl",
    "xdotool",
    "wmctrl",
    "scrot",
)
TRAY = (0, 2, 26, 27)  # where the panel below has its first icon
_LAYOUT = Path(__file__).with_name("xfce4-panel.xml")
_DEADLINE_S = 30.0
_PANEL_S = 10.0
_PANEL_STARTS = 3
_POLL_S = 0.05
_END_S = 5.0


def wait_for(condition: Callable[[], bool], *, what: str, within_s: float = _DEADLINE_S) -> None:
    """Look again and again; AssertionError if it doesn't become true in time."""
    ends_at = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends_at, f"waited {within_s} s for {what}"
        time.sleep(_POLL_S)


class Screen:
    """`close` ends everything."""

    def __init__(self, folder: Path) -> None:
        missing = [each for each in PROGRAMS if shutil.which(each) is None]
        assert not missing, f"the Debian packages of these programs are needed, see the Makefile: {missing}"
        self.folder = folder
        self._started: list[subprocess.Popen[bytes]] = []
        layout = folder / "config" / "xfce4" / "xfconf" / "xfce-perchannel-xml"
        layout.mkdir(parents=True)
        shutil.copy(_LAYOUT, layout)
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in ("WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "PYSTRAY_BACKEND")
        }
        self.environment = {
            **kept,
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "NO_AT_BRIDGE": "1",
            "GTK_A11Y": "none",
            "LANG": "C.UTF-8",
        }
        try:
            self.environment["DISPLAY"] = self._display()
            self.environment["DBUS_SESSION_BUS_ADDRESS"] = self._bus()
            self.popen("openbox")
            self.popen("dunst")
            self._panel()
        except BaseException:
            self.close()
            raise

    def popen(self, *command: str, stdout: int = subprocess.DEVNULL) -> "subprocess.Popen[bytes]":
        """A program of this session, in a process group of its own."""
        process = subprocess.Popen(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def close(self) -> None:
        for process in reversed(self._started):
            _end(process)

    # --- what a person sees

    def picture(self, box: tuple[int, int, int, int] | None = None) -> Image.Image:
        """The screen, or a part of it: left, top, right, bottom."""
        file = self.folder / "seen.png"
        self._run("scrot", "--overwrite", str(file))
        with Image.open(file) as seen:
            whole = seen.convert("RGB")
        return whole if box is None else whole.crop(box)

    def shows(self, colour: tuple[int, ...], box: tuple[int, int, int, int] = TRAY) -> bool:
        """Whether some pixels there are (nearly) of a colour."""
        seen = self.picture(box).tobytes()
        pixels = zip(seen[0::3], seen[1::3], seen[2::3], strict=True)
        near = sum(all(abs(a - b) < 24 for a, b in zip(pixel, colour, strict=False)) for pixel in pixels)
        return near >= 8

    def windows(self) -> list[str]:
        """The titles of the windows but the panel's."""
        lines = self._run("wmctrl", "-l").splitlines()
        titles = [line.split(maxsplit=3)[3] if len(line.split(maxsplit=3)) == 4 else "" for line in lines]
        return [title for title in titles if title and title != "xfce4-panel"]

    def notifications(self) -> int:
        """How many are shown now."""
        return int(self._run("dunstctl", "count", "displayed") or 0)

    def clipboard(self) -> str:
        """The text in it, as another program gets it."""
        script = (
            "import gi; gi.require_version('Gtk', '3.0'); from gi.repository import Gtk, Gdk; "
            "print(Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD).wait_for_text() or '', end='')"
        )
        return self._run("/usr/bin/python3", "-c", script)

    # --- and does

    def click(self, *, button: int = 1, times: int = 1) -> None:
        """On the icon."""
        left, top, right, bottom = TRAY
        self._run("xdotool", "mousemove", str((left + right) // 2), str((top + bottom) // 2))
        self._run("xdotool", "click", "--repeat", str(times), "--delay", "90", str(button))

    def keys(self, *names: str) -> None:
        """One after the other, as fast as somebody types."""
        self._run("xdotool", "key", "--delay", "60", *names)

    def close_window(self, title: str) -> None:
        self._run("wmctrl", "-c", title)

    # --- its parts

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=_DEADLINE_S, check=False
        )
        return done.stdout

    def _display(self) -> str:
        reading, writing = os.pipe()
        with os.fdopen(reading) as told:
            server = subprocess.Popen(
                ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
                pass_fds=[writing],
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            self._started.append(server)
            os.close(writing)
            number = told.readline().strip()
        assert number, "Xvfb didn't start"
        return f":{number}"

    def _bus(self) -> str:
        options = ("--session", "--nofork", "--nopidfile", "--print-address")
        bus = self.popen("dbus-daemon", *options, stdout=subprocess.PIPE)
        assert bus.stdout is not None
        with bus.stdout as told:
            return told.readline().decode().strip()

    def _panel(self) -> None:
        """Once in twenty starts it comes up without its tray, when the machine is busy: it gives up on its settings' service."""
        for _ in range(_PANEL_STARTS):
            panel = self.popen("xfce4-panel", "--disable-wm-check")
            try:
                wait_for(self._has_tray, what="the panel's tray", within_s=_PANEL_S)
                wait_for(
                    lambda: self.picture((0, 0, 1280, 20)).getextrema() != ((0, 0),) * 3, what="the panel"
                )
            except AssertionError:
                _end(panel)
            else:
                return
        raise AssertionError("the panel has no tray")

    def _has_tray(self) -> bool:
        asked = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.NameHasOwner")
        target, path, method = asked
        name = "string:org.kde.StatusNotifierWatcher"
        said = self._run("dbus-send", "--session", "--print-reply", f"--dest={target}", path, method, name)
        return "true" in said


def _end(process: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(_END_S)
            return
        except subprocess.TimeoutExpired:
            continue
