"""The dashboard's window: a process of its own, since each toolkit wants the main thread and may end the process.

Started by `window_process`. What it is told, a line each: `open URL` first, then `show` and `quit`; the end of the input means
`quit`. What it says: `SHOWN`, then `LOADED`. It ends with NO_TOOLKIT or NO_DISPLAY where it can't show anything.
"""

import importlib
import importlib.util
import os
import sys
import threading
from pathlib import Path
from typing import Any, Final

from corral.app.desktop.display import has_display

NO_TOOLKIT: Final = 3
NO_DISPLAY: Final = 4
TITLE: Final = "Corral"
_SIZE: Final = (1180, 780)
_SMALLEST: Final = (360, 480)
_ICON_PIXELS: Final = 128
_LEAVE_S: Final = 3.0  # then a toolkit that doesn't end its loop is left behind


def main() -> int:
    """Show the window until it is closed. The argument is the folder for what the page keeps."""
    line = sys.stdin.readline().strip()
    command, _, url = line.partition(" ")
    if command != "open":
        return 0
    if not has_display(os.environ, sys.platform):
        return NO_DISPLAY
    if sys.platform.startswith("linux") and not any(map(importlib.util.find_spec, ("gi", "qtpy"))):
        return NO_TOOLKIT  # pywebview would write a trace for each
    _prepare()
    try:
        webview = importlib.import_module("webview")
    except ImportError:
        return NO_TOOLKIT
    return _shown(webview, url, Path(sys.argv[1]))


def _shown(webview: Any, url: str, folder: Path) -> int:
    webview.settings["ALLOW_DOWNLOADS"] = True
    width, height = _SIZE
    window = webview.create_window(
        TITLE, url, width=width, height=height, min_size=_SMALLEST, text_select=True
    )
    window.events.shown += lambda: _say("SHOWN")
    window.events.loaded += lambda: _say("LOADED")
    threading.Thread(target=_obey, args=(window,), daemon=True).start()
    try:
        # Storage is kept, so that the page finds its theme again.
        webview.start(private_mode=False, storage_path=str(folder), gui=_toolkit(), icon=_icon(folder))
    except webview.WebViewException:
        return NO_TOOLKIT
    return 0


def _obey(window: Any) -> None:
    window.events.shown.wait()
    for line in sys.stdin:
        if line.strip() == "show":
            window.restore()
            window.show()
        elif line.strip() == "quit":
            break
    left = threading.Timer(_LEAVE_S, os._exit, (0,))
    left.daemon = True
    left.start()
    window.destroy()


def _icon(folder: Path) -> str:
    """A file with the program's icon, for the window and the list of windows."""
    from corral.app.desktop.art import app_image

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / "icon.png"
    app_image(_ICON_PIXELS).save(file)
    return str(file)


def _prepare() -> None:
    """What the engines need on Linux, where it isn't set."""
    if not sys.platform.startswith("linux"):
        return
    os.environ.setdefault("WEBKIT_DISABLE_DMABUF_RENDERER", "1")  # else blank windows with some drivers
    if os.geteuid() == 0:
        os.environ.setdefault("QTWEBENGINE_DISABLE_SANDBOX", "1")  # Chromium refuses to run as root with it


def _toolkit() -> str | None:
    """Qt where GTK's Python is not there: else pywebview complains about that first."""
    if sys.platform.startswith("linux") and importlib.util.find_spec("gi") is None:
        return "qt"
    return None


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
