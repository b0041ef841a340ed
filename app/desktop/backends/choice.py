"""Which backend of pystray can work here, or why none can. Pure, but for `installed`."""

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "PYSTRAY_BACKEND"


@dataclass(frozen=True, slots=True)
class Choice:
    """`backend`: its name for pystray, None: whatever pystray takes. `why_not`: no icon is possible, and why."""

    backend: str | None = None
    why_not: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desktop:
    """What is there of what the backends need."""

    has_display: bool
    has_x: bool
    has_gtk: bool
    has_bus: bool


def choose(desktop: Desktop, environment: Mapping[str, str], platform: str) -> Choice:
    """GTK ends the process where its display or session bus is missing, so that is looked at before."""
    if not desktop.has_display:
        return Choice(why_not="there is no display")
    if platform in ("win32", "darwin") or environment.get(VARIABLE):
        return Choice(backend=environment.get(VARIABLE) or None)
    if desktop.has_gtk and desktop.has_bus:
        return Choice()
    if desktop.has_x:
        return Choice(backend="xorg")
    if not desktop.has_gtk:
        return Choice(
            why_not="Wayland needs python3-gi and the library of AppIndicator (see docs/platforms.md)"
        )
    return Choice(why_not="there is no session bus (DBUS_SESSION_BUS_ADDRESS)")


def desktop_of(environment: Mapping[str, str], *, has_display: bool) -> Desktop:
    """Look at this machine. Imports nothing."""
    return Desktop(
        has_display=has_display,
        has_x=bool(environment.get("DISPLAY")),
        has_gtk=importlib.util.find_spec("gi") is not None,
        has_bus=_has_bus(environment),
    )


def _has_bus(environment: Mapping[str, str]) -> bool:
    if environment.get("DBUS_SESSION_BUS_ADDRESS"):
        return True
    folder = environment.get("XDG_RUNTIME_DIR")
    if not folder and hasattr(os, "getuid"):
        folder = f"/run/user/{os.getuid()}"
    return bool(folder) and Path(str(folder), "bus").exists()
