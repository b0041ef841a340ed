"""Starting at login on each system; Windows with a registry that is a fake."""

import plistlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from corral.app.desktop.autostart import (
    EntryFile,
    RunKey,
    autostart_of,
    command_line,
    desktop_entry,
    launch_agent,
    run_value,
)

COMMAND = ("/opt/my corral/bin/python", "-m", "corral.app.cli", "serve")
RUN = r"Software\Microsoft\Windows\CurrentVersion\Run"
APPROVED = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"


def test_a_desktop_entry() -> None:
    lines = desktop_entry(COMMAND).splitlines()
    assert lines[0] == "[Desktop Entry]"
    assert 'Exec="/opt/my corral/bin/python" "-m" "corral.app.cli" "serve"' in lines


@pytest.mark.parametrize(
    ("argument", "quoted"),
    [
        ("a b", '"a b"'),
        ("100%", '"100%%"'),
        ('a"b', r'"a\\"b"'),
        ("a$b`c", r'"a\\$b\\`c"'),
        ("a\\b", r'"a\\\\b"'),
    ],
)
def test_what_has_a_meaning_there_is_escaped(argument: str, quoted: str) -> None:
    assert f"Exec={quoted}\n" in desktop_entry([argument])


def test_a_launch_agent() -> None:
    agent = plistlib.loads(launch_agent(COMMAND))
    assert agent["ProgramArguments"] == list(COMMAND) and agent["RunAtLoad"] is True
    assert agent["LimitLoadToSessionType"] == "Aqua" and agent["KeepAlive"] == {"SuccessfulExit": False}


def test_a_value_for_windows() -> None:
    assert run_value([r"C:\Program Files\py\pythonw.exe", "-m", "x y"]) == (
        r'"C:\Program Files\py\pythonw.exe" -m "x y"'
    )


def test_on_linux_it_is_a_file(tmp_path: Path) -> None:
    entry = autostart_of("linux", {"XDG_CONFIG_HOME": str(tmp_path)}, COMMAND)
    file = tmp_path / "autostart" / "corral.desktop"
    assert not entry.is_on()
    entry.set_on(True)
    assert entry.is_on() and file.read_text() == desktop_entry(COMMAND)
    assert [each.name for each in file.parent.iterdir()] == ["corral.desktop"]
    entry.set_on(False)
    entry.set_on(False)
    assert not entry.is_on() and not file.exists()


def test_the_file_can_be_any(tmp_path: Path) -> None:
    entry = EntryFile(tmp_path / "LaunchAgents" / "corral.plist", launch_agent(COMMAND))
    entry.set_on(True)
    assert (tmp_path / "LaunchAgents" / "corral.plist").read_bytes() == launch_agent(COMMAND)


def test_this_program_is_what_starts() -> None:
    program, *arguments = command_line()
    assert shutil.which(program) and arguments == ["-m", "corral.app.cli", "serve"]
    assert subprocess.run([program, *arguments, "--help"], capture_output=True, check=False).returncode == 0


class Registry:
    """What is used of `winreg`."""

    HKEY_CURRENT_USER, KEY_SET_VALUE, REG_SZ = "HKCU", 2, 1

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, object]] = {}

    @contextmanager
    def CreateKeyEx(self, root: str, path: str, reserved: int, access: int) -> Iterator[dict[str, object]]:
        assert (root, access) == (self.HKEY_CURRENT_USER, self.KEY_SET_VALUE)
        yield self.keys.setdefault(path, {})

    @contextmanager
    def OpenKey(
        self, root: str, path: str, reserved: int = 0, access: int = 1
    ) -> Iterator[dict[str, object]]:
        if path not in self.keys:
            raise FileNotFoundError(path)
        yield self.keys[path]

    def SetValueEx(self, key: dict[str, object], name: str, reserved: int, kind: int, value: object) -> None:
        key[name] = value

    def QueryValueEx(self, key: dict[str, object], name: str) -> tuple[object, int]:
        if name not in key:
            raise FileNotFoundError(name)
        return key[name], 1

    def DeleteValue(self, key: dict[str, object], name: str) -> None:
        if name not in key:
            raise FileNotFoundError(name)
        del key[name]


def test_on_windows_it_is_a_value() -> None:
    registry = Registry()
    entry = RunKey(registry, COMMAND)
    assert not entry.is_on()
    entry.set_on(True)
    assert entry.is_on() and registry.keys[RUN] == {"Corral": run_value(COMMAND)}
    entry.set_on(False)
    entry.set_on(False)
    assert not entry.is_on() and registry.keys[RUN] == {}


def test_what_windows_switched_off_is_off_until_it_is_wanted_again() -> None:
    registry = Registry()
    entry = RunKey(registry, COMMAND)
    entry.set_on(True)
    registry.keys[APPROVED] = {"Corral": b"\x03" + b"\0" * 11}
    assert not entry.is_on()
    entry.set_on(True)
    assert entry.is_on()
