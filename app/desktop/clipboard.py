"""Copying text, with what each system has for it."""

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

_WAIT_S = 5.0


def command_of(platform: str, environment: Mapping[str, str]) -> tuple[tuple[str, ...], str] | None:
    """A program of the system that takes the text as its input, and the encoding; None: GTK does it."""
    if platform == "darwin":
        return ("pbcopy",), "utf-8"
    if platform == "win32":
        return ("clip",), "utf-16-le"
    if environment.get("WAYLAND_DISPLAY") and shutil.which("wl-copy"):
        return ("wl-copy",), "utf-8"
    return None


def copy(text: str) -> bool:
    """Whether the clipboard has it now. With GTK from its main thread only, which is where menus call."""
    command = command_of(sys.platform, os.environ)
    return _by_gtk(text) if command is None else _by_program(text, *command)


def _by_program(text: str, command: tuple[str, ...], encoding: str) -> bool:
    try:
        subprocess.run(command, input=text.encode(encoding), check=True, timeout=_WAIT_S)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _by_gtk(text: str) -> bool:
    """It keeps the text for as long as the process runs; a clipboard manager longer."""
    try:
        importlib.import_module("gi").require_version("Gtk", "3.0")
        repository: Any = importlib.import_module("gi.repository")
        clipboard = repository.Gtk.Clipboard.get(repository.Gdk.SELECTION_CLIPBOARD)
    except (ImportError, ValueError, AttributeError):
        return False
    clipboard.set_text(text, -1)
    clipboard.store()
    return True
