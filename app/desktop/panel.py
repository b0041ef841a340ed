"""Whether the panel that the icon sits on is a light one. On Linux nobody can say: most are dark.

macOS and Windows follow the documented places and have not been run; see docs/platforms.md.
"""

import importlib
import subprocess
import sys
from typing import Any

_WINDOWS_KEY = r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
_WAIT_S = 5.0


def is_light_panel() -> bool:
    """Blocks for a moment."""
    if sys.platform == "win32":
        return _windows_is_light(importlib.import_module("winreg"))
    return sys.platform == "darwin" and not _mac_is_dark()


def _windows_is_light(winreg: Any) -> bool:
    try:
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, _WINDOWS_KEY) as key:
            return bool(winreg.QueryValueEx(key, "SystemUsesLightTheme")[0])
    except FileNotFoundError:
        return False


def _mac_is_dark() -> bool:
    words = ("defaults", "read", "-g", "AppleInterfaceStyle")
    try:
        said = subprocess.run(words, capture_output=True, text=True, timeout=_WAIT_S, check=False)
    except (OSError, subprocess.SubprocessError):
        return True
    return said.stdout.strip() == "Dark"
