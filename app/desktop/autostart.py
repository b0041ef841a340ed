"""Starting at login: an entry for each kind of desktop, made by pure functions and put in its place by thin writers.

macOS and Windows follow the documented formats and have not been run; see docs/platforms.md.
"""

import importlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

NAME: Final = "corral"
MAC_LABEL: Final = "corral.tray"
_RUN_KEY: Final = r"Software\Microsoft\Windows\CurrentVersion\Run"
_APPROVED_KEY: Final = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"
_VALUE: Final = "Corral"


class Autostart(Protocol):
    """Whether the program starts at login, and how to change that. All may raise OSError."""

    def is_on(self) -> bool: ...

    def set_on(self, on: bool) -> None: ...


def command_line() -> tuple[str, ...]:
    """What starts this program again, without a console on Windows."""
    program = Path(sys.executable)
    if sys.platform == "win32" and (quiet := program.with_name("pythonw.exe")).exists():
        program = quiet
    return (str(program), "-m", "corral.app.cli", "serve")


def autostart_of(platform: str, environment: Mapping[str, str], command: Sequence[str]) -> Autostart:
    """For this desktop."""
    if platform == "win32":
        return RunKey(importlib.import_module("winreg"), command)
    if platform == "darwin":
        return EntryFile(
            Path.home() / "Library" / "LaunchAgents" / f"{MAC_LABEL}.plist", launch_agent(command)
        )
    config = environment.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return EntryFile(Path(config) / "autostart" / f"{NAME}.desktop", desktop_entry(command).encode())


def desktop_entry(command: Sequence[str]) -> str:
    """For desktops that follow the freedesktop.org specifications (Autostart, Desktop Entry)."""
    return (
        "[Desktop Entry]\nType=Application\nName=Corral\n"
        "Comment=One private LLM service out of the computers on your network\n"
        f"Exec={' '.join(map(_quoted, command))}\nTerminal=false\nX-GNOME-Autostart-enabled=true\n"
    )


def launch_agent(command: Sequence[str]) -> bytes:
    """For launchd, in the user's own session."""
    import plistlib  # and an XML parser with it: for macOS only

    return plistlib.dumps(
        {
            "Label": MAC_LABEL,
            "ProgramArguments": list(command),
            "RunAtLoad": True,
            "ProcessType": "Interactive",
            "LimitLoadToSessionType": "Aqua",
            "KeepAlive": {"SuccessfulExit": False},
        }
    )


def run_value(command: Sequence[str]) -> str:
    """For Windows' key Run."""
    program, *arguments = command
    return " ".join((f'"{program}"', subprocess.list2cmdline(arguments)))


class EntryFile:
    """An entry that is a file: it starts at login as long as the file is there."""

    def __init__(self, path: Path, content: bytes) -> None:
        self._path = path
        self._content = content

    def is_on(self) -> bool:
        return self._path.exists()

    def set_on(self, on: bool) -> None:
        if not on:
            self._path.unlink(missing_ok=True)
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_name(f".{self._path.name}.new")
        draft.write_bytes(self._content)
        draft.replace(self._path)


class RunKey:
    """A value in the registry. Windows' own settings can switch it off without removing it."""

    def __init__(self, winreg: Any, command: Sequence[str]) -> None:
        self._winreg = winreg
        self._value = run_value(command)

    def is_on(self) -> bool:
        return self._read(_RUN_KEY) is not None and not self._is_switched_off()

    def set_on(self, on: bool) -> None:
        registry = self._winreg
        with registry.CreateKeyEx(registry.HKEY_CURRENT_USER, _RUN_KEY, 0, registry.KEY_SET_VALUE) as key:
            if on:
                registry.SetValueEx(key, _VALUE, 0, registry.REG_SZ, self._value)
                self._forget(_APPROVED_KEY)
                return
            self._delete(key)

    def _is_switched_off(self) -> bool:
        approved = self._read(_APPROVED_KEY)
        return isinstance(approved, bytes) and bool(approved) and approved[0] % 2 == 1

    def _read(self, path: str) -> object:
        registry = self._winreg
        try:
            with registry.OpenKey(registry.HKEY_CURRENT_USER, path) as key:
                return registry.QueryValueEx(key, _VALUE)[0]
        except FileNotFoundError:
            return None

    def _forget(self, path: str) -> None:
        registry = self._winreg
        try:
            with registry.OpenKey(registry.HKEY_CURRENT_USER, path, 0, registry.KEY_SET_VALUE) as key:
                self._delete(key)
        except FileNotFoundError:
            return

    def _delete(self, key: Any) -> None:
        try:
            self._winreg.DeleteValue(key, _VALUE)
        except FileNotFoundError:
            return


def _quoted(argument: str) -> str:
    """One argument of Exec: quoted, and what has a meaning there escaped twice, as the specification wants it."""
    escaped = argument
    for character in ("\\", '"', "`", "$"):
        escaped = escaped.replace(character, f"\\{character}")
    escaped = escaped.replace("\\", "\\\\").replace("%", "%%")
    return f'"{escaped}"'
