"""Where which backend is used, and what those of Windows and macOS are asked to do (with fakes: they are not run here)."""

import sys
from types import ModuleType
from typing import Any

import pytest

from corral.app.desktop.backends import darwin, win32
from corral.app.desktop.backends.choice import Choice, Desktop, choose, desktop_of
from corral.app.desktop.clicks import DOUBLE_S, DoubleClick
from corral.app.desktop.display import has_display

FULL = Desktop(has_display=True, has_x=True, has_gtk=True, has_bus=True)
NOTHING = Desktop(has_display=False, has_x=False, has_gtk=False, has_bus=False)
X_ONLY = Desktop(has_display=True, has_x=True, has_gtk=False, has_bus=False)
NO_BUS = Desktop(has_display=True, has_x=True, has_gtk=True, has_bus=False)
WAYLAND = Desktop(has_display=True, has_x=False, has_gtk=True, has_bus=True)
WAYLAND_WITHOUT_GTK = Desktop(has_display=True, has_x=False, has_gtk=False, has_bus=True)
WAYLAND_WITHOUT_BUS = Desktop(has_display=True, has_x=False, has_gtk=True, has_bus=False)


@pytest.mark.parametrize(
    ("desktop", "environment", "platform", "backend", "why_not"),
    [
        (FULL, {}, "linux", None, None),
        (X_ONLY, {}, "linux", "xorg", None),
        (NO_BUS, {}, "linux", "xorg", None),
        (WAYLAND, {}, "linux", None, None),
        (WAYLAND_WITHOUT_GTK, {}, "linux", None, "python3-gi"),
        (WAYLAND_WITHOUT_BUS, {}, "linux", None, "session bus"),
        (FULL, {"PYSTRAY_BACKEND": "gtk"}, "linux", "gtk", None),
        (NOTHING, {"PYSTRAY_BACKEND": "gtk"}, "linux", None, "no display"),
        (X_ONLY, {}, "win32", None, None),
        (X_ONLY, {}, "darwin", None, None),
    ],
)
def test_who_draws_the_icon(
    desktop: Desktop, environment: dict[str, str], platform: str, backend: str | None, why_not: str | None
) -> None:
    chosen = choose(desktop, environment, platform)
    assert isinstance(chosen, Choice) and chosen.backend == backend
    assert (chosen.why_not is None) == (why_not is None) and (why_not or "") in (chosen.why_not or "")


@pytest.mark.parametrize(
    ("environment", "platform", "there"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "win32", True),
        ({}, "darwin", True),
        ({"SSH_CONNECTION": "192.0.2.1 5 192.0.2.2 22"}, "darwin", False),
    ],
)
def test_displays(environment: dict[str, str], platform: str, there: bool) -> None:
    assert has_display(environment, platform) is there


def test_a_bus_is_found_where_it_is(tmp_path: Any) -> None:
    here = {"DISPLAY": ":0", "XDG_RUNTIME_DIR": str(tmp_path)}
    assert not desktop_of(here, has_display=True).has_bus
    (tmp_path / "bus").touch()
    found = desktop_of(here, has_display=True)
    assert found.has_bus and found.has_x
    assert desktop_of({"DBUS_SESSION_BUS_ADDRESS": "unix:path=/x"}, has_display=True).has_bus


@pytest.mark.parametrize(
    ("clicks", "opened"),
    [
        ([0.0], [False]),
        ([0.0, DOUBLE_S], [False, True]),
        ([0.0, DOUBLE_S + 0.01], [False, False]),
        ([0.0, 0.1, 0.2], [False, True, False]),
        ([0.0, 0.1, 0.2, 0.3], [False, True, False, True]),
    ],
)
def test_two_clicks_are_a_double_click(clicks: list[float], opened: list[bool]) -> None:
    rule = DoubleClick()
    assert [rule.clicked(at) for at in clicks] == opened


class WindowsIcon:
    """What pystray's icon has there."""

    def __init__(self) -> None:
        self._message_handlers: dict[int, Any] = {}

    def get(self, message: int, wparam: int) -> int:
        answer: int = self._message_handlers[message](wparam, 0)
        return answer


def test_windows_may_end_its_session() -> None:
    icon, left = WindowsIcon(), []
    win32.let_the_session_end(icon, lambda: left.append(True))
    assert icon.get(0x0011, 0) == 1 and not left
    assert icon.get(0x0016, 0) == 0 and not left  # it doesn't end after all
    icon.get(0x0016, 1)
    assert left == [True]


def test_on_macos_calls_go_through_the_main_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[Any] = []
    helper = ModuleType("PyObjCTools.AppHelper")
    helper.callAfter = waiting.append  # type: ignore[attr-defined]
    signals = ModuleType("PyObjCTools.MachSignals")
    handlers: dict[int, Any] = {}
    signals.signal = handlers.__setitem__  # type: ignore[attr-defined]
    for module in (helper, signals, ModuleType("PyObjCTools")):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    called: list[str] = []
    darwin.on_main(lambda: called.append("later"))
    assert not called
    waiting[0]()
    darwin.leave_on_signals(lambda: called.append("left"))
    for handle in handlers.values():
        handle(15)
    assert called == ["later", "left", "left"] and set(handlers) == {2, 15}
