"""Asks the node how it is, and hears its events, so that the icon follows: two threads, which never hold the process up."""

import threading
from collections.abc import Callable, Sequence

from corral.app.commands.errors import CommandError, NodeNotRunning
from corral.app.commands.node_client import NodeClient
from corral.app.desktop.view import Document, View, view_of
from corral.app.settings_table import Settings

LOOK_S = 2.0
STARTING_LOOK_S = 0.3
_AGAIN_S = 2.0
_MOST_FAILURES = 3  # then the icon says that the node doesn't answer
_LONGEST_SILENCE = 3  # keep-alives
_SHORTEST_SILENCE_S = 30.0
_FREQUENT = frozenset({"request", "load", "snapshot"})  # these events change nothing that can't wait
_NOT_YET = View()


class Feed:
    """Calls `show` with each view, from a thread of its own."""

    def __init__(self, settings: Settings, *, show: Callable[[View], None]) -> None:
        self._settings = settings
        self._show = show
        self._stopped = threading.Event()
        self._news = threading.Event()
        self._requests: Sequence[Document] = ()
        self._failures = 0
        self._last = _NOT_YET
        self._silent_s = max(_SHORTEST_SILENCE_S, _LONGEST_SILENCE * settings.keep_alive_s)

    def start(self) -> None:
        """Begin to look."""
        for run in (self._look_again, self._listen):
            threading.Thread(target=run, name=f"tray {run.__name__.strip('_')}", daemon=True).start()

    def stop(self) -> None:
        """Nothing is shown after it. Returns at once."""
        self._stopped.set()
        self._news.set()

    def look_soon(self) -> None:
        """Something was just changed."""
        self._news.set()

    def _look_again(self) -> None:
        node: NodeClient | None = None
        while not self._stopped.is_set():
            node, view = self._looked(node)
            self._last = view
            if not self._stopped.is_set():
                self._show(view)
            self._news.wait(LOOK_S if view.status == "ok" else STARTING_LOOK_S)
            self._news.clear()

    def _looked(self, node: NodeClient | None) -> tuple[NodeClient | None, View]:
        try:
            if node is None:
                node = NodeClient.of(self._settings)
            view = view_of(node.health(), node.ask("GET", "/v0/cluster/local"), node.models(), self._requests)
        except NodeNotRunning:
            _close(node)
            return None, _NOT_YET
        except CommandError:
            _close(node)
            self._failures += 1
            return None, View(status="gone") if self._failures >= _MOST_FAILURES else self._last
        self._failures = 0
        return node, view

    def _listen(self) -> None:
        while not self._stopped.is_set():
            try:
                with NodeClient.of(self._settings) as node:
                    for kind, data in node.events(silent_s=self._silent_s):
                        self._hear(kind, data)
            except (NodeNotRunning, CommandError):
                pass  # it starts, or has no router; the other thread shows that
            self._stopped.wait(_AGAIN_S)

    def _hear(self, kind: str, data: Document) -> None:
        cluster = data.get("cluster")
        if cluster is not None:
            self._requests = cluster["requests"]
        if kind not in _FREQUENT or cluster is not None:
            self._news.set()


def _close(node: NodeClient | None) -> None:
    if node is not None:
        node.__exit__()
