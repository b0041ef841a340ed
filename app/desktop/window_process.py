"""At most one window of the dashboard, in a process of its own; the user's browser where no window is possible."""

import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from corral.app.desktop.browser import open_browser

_END_S = 3.0
_LOG = structlog.get_logger(__name__)
_COMMAND = (sys.executable, "-m", "corral.app.desktop.window")


class Window:
    """`open` and `close` may be called from any thread, and block for a moment."""

    def __init__(
        self,
        *,
        url: Callable[[], str],
        storage: Path,
        say: Callable[[str], None],
        browse: Callable[[str], bool] = open_browser,
        command: tuple[str, ...] = _COMMAND,
    ) -> None:
        """`url` makes a new URL that signs in; `say` tells people where to look if nothing else can."""
        self._url = url
        self._storage = storage
        self._say = say
        self._browse = browse
        self._command = command
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._watcher: threading.Thread | None = None
        self._possible = True
        self._closed = False

    def open(self) -> None:
        """Show it, or raise it. Raises NodeNotRunning, CommandError."""
        with self._lock:
            if self._closed or (self._possible and self._tell("show")):
                return
            url = self._url()
            if self._possible and self._started() and self._tell(f"open {url}"):
                return
        self._show_elsewhere(url)

    def close(self) -> None:
        """End it, and show none any more."""
        with self._lock:
            self._closed = True
            process, watcher = self._process, self._watcher
        if process is None or watcher is None:
            return
        for end in (lambda: self._tell("quit"), process.terminate, process.kill):
            end()
            watcher.join(_END_S)
            if not watcher.is_alive():
                return

    def _started(self) -> bool:
        try:
            self._process = subprocess.Popen(
                [*self._command, str(self._storage)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=sys.platform != "win32",  # Ctrl+C is for the node, which closes it in order
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError:
            return False
        self._watcher = threading.Thread(
            target=self._watch, args=(self._process,), name="window", daemon=True
        )
        self._watcher.start()
        return True

    def _tell(self, line: str) -> bool:
        process = self._process
        if process is None or process.stdin is None or process.poll() is not None:
            return False
        try:
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
        except (OSError, ValueError):  # it has gone; its pipe may be closed already
            return False
        return True

    def _watch(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        shown = False
        with suppress(BrokenPipeError), process:  # it may have left before it was told anything
            for line in process.stdout:
                shown = shown or line.strip() == "SHOWN"
        status = process.wait()
        with self._lock:
            impossible = not shown and status > 0 and not self._closed
            self._possible = self._possible and not impossible
        if impossible:
            _LOG.info("no window is possible here; the browser shows the dashboard", status=status)
            self._show_elsewhere(self._url())

    def _show_elsewhere(self, url: str) -> None:
        if not self._browse(url):
            self._say(f"The dashboard, for 30 s and once, in a browser on this machine:\n\n  {url}\n")
