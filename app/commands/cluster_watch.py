"""`corral cluster watch`: a line with the time whenever something changes, also while the router does."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from corral.app.cluster.happenings import Happening, happenings
from corral.app.commands.cluster import joining_line, request_line
from corral.app.commands.errors import CommandError
from corral.app.commands.node_client import NodeClient
from corral.app.commands.screen import printable
from corral.app.settings_table import Settings

_AGAIN_S = 0.5
_LATE_S = 5.0  # a sign of life may be so late
_NO_ROUTER = "there is no router at the moment"

Document = Mapping[str, Any]


def watch(settings: Settings) -> None:
    """Until interrupted. Raises NodeNotRunning, CommandError if it can't even begin."""
    view = _View()
    silent_s = settings.keep_alive_s + _LATE_S
    try:
        while True:
            try:
                _follow(settings, view, silent_s=silent_s)
            except CommandError as error:
                if not view.began:
                    raise
                view.say(str(error))
            time.sleep(_AGAIN_S)
    except KeyboardInterrupt:
        return


def changes(before: Document, after: Document) -> Iterator[str]:
    """What to say of two states of the cluster, one after the other. Pure."""
    for each in happenings(before, after):
        yield _line(each)
    if before["name"] != after["name"]:
        yield f"the cluster is called {printable(after['name'])}: {after['url']}"
    known = {_timeless(each) for each in before["warnings"]}
    for each in after["warnings"]:
        if _timeless(each) not in known:
            yield f"warning: {printable(each)}"


class _View:
    """What was shown so far."""

    def __init__(self) -> None:
        self._cluster: Document | None = None
        self._joining: Document | None = None
        self._said = ""

    @property
    def began(self) -> bool:
        return self._cluster is not None

    def say(self, line: str) -> None:
        """With the time, unless it is what was said last."""
        if line != self._said:
            self._said = line
            print(time.strftime("%H:%M:%S"), line, flush=True)

    def take(self, kind: str, data: Document) -> None:
        """An event."""
        if kind in ("snapshot", "cluster"):
            self._take_cluster(data["cluster"])
        if kind in ("snapshot", "joining") and data["joining"] != self._joining:
            self._joining = data["joining"]
            if self._joining is not None:
                self.say(joining_line(self._joining))

    def _take_cluster(self, after: Document) -> None:
        before, self._cluster = self._cluster, after
        for line in _first_lines(after) if before is None else changes(before, after):
            self.say(line)


def _follow(settings: Settings, view: _View, *, silent_s: float) -> None:
    """Show events until their stream ends: the router is gone, or the node is."""
    with NodeClient.of(settings) as node:
        if node.ask("GET", "/v0/cluster/local")["router"] is None and view.began:
            view.say(_NO_ROUTER)
        for kind, data in node.events(silent_s=silent_s):
            view.take(kind, data)


def _first_lines(cluster: Document) -> Iterator[str]:
    router = cluster["router"]
    yield f"cluster {printable(cluster['name'])}: {cluster['url']}"
    yield (
        _NO_ROUTER
        if router is None
        else f"{printable(router['name'])} is the router (term {cluster['term']})"
    )
    for each in cluster["nodes"]:
        yield f"{printable(each['name'])} is {'online' if each['online'] else 'offline'}"
    for each in cluster["requests"]:
        yield request_line(each)
    for each in cluster["warnings"]:
        yield f"warning: {printable(each)}"


def _line(happening: Happening) -> str:
    data = happening.data
    if happening.kind == "router":
        router = data["router"]
        return (
            _NO_ROUTER
            if router is None
            else f"{printable(router['name'])} is the router (term {data['term']})"
        )
    if happening.kind == "machine":
        change, name = data["change"], printable(data["machine"]["name"])
        return f"{name} is {change}" if change in ("online", "offline") else f"{name} {change}"
    request = data["request"]
    return (
        request_line(request)
        if data["change"] == "appeared"
        else f"{printable(request['name'])} asks no more"
    )


def _timeless(warning: str) -> str:
    """Without the minutes that passed."""
    return warning.partition(" ago ")[2] or warning
