"""Pausing any machine of the cluster. For the router only."""

from collections.abc import Callable
from typing import Any

from corral.app.placing.asking import Asking
from corral.app.sharing import wire
from corral.app.sharing.sharing import Sharing
from corral.peers.ids import NodeId

Document = dict[str, Any]


class SharingControl:
    """Documents are as `api.cluster_answers` shapes them."""

    def __init__(
        self, *, node: NodeId, sharing: Sharing, find: Callable[[str], NodeId], asking: Asking
    ) -> None:
        """`sharing` is this machine's; `find`: the machine of a name or id, if it is there."""
        self._node = node
        self._sharing = sharing
        self._find = find
        self._asking = asking

    async def set_paused(self, node: str, *, paused: bool) -> Document:
        """Returns when that machine has heard it. Raises what `find` raises, and EngineError if it can't be reached."""
        place = self._find(node)
        if place == self._node:
            self._sharing.set_paused(paused)
            now = self._sharing.paused
        else:
            choice = wire.Choice(paused=paused)
            now = (await self._asking.ask(place, wire.SHARING_PATH, choice, wire.Choice)).paused
        return {"node": {"id": place, "name": self._asking.name(place)}, "paused": now}
