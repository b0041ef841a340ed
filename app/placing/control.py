"""Loading and unloading models on any machine of the cluster. For the router only."""

from collections.abc import Callable
from typing import Any

from corral.app.placing import wire
from corral.app.placing.asking import Asking
from corral.app.placing.errands import Errands
from corral.peers.ids import NodeId

Document = dict[str, Any]


class LoadControl:
    """Documents are as `api.place_answers` shapes them."""

    def __init__(
        self,
        *,
        node: NodeId,
        errands: Errands,
        find: Callable[[str], NodeId],
        asking: Asking,
    ) -> None:
        """`errands` are this machine's; `find`: the machine of a name or id, if it is there."""
        self._node = node
        self._errands = errands
        self._find = find
        self._asking = asking

    async def load(self, *, model: str, node: str) -> Document:
        """Raises what `find` raises, and EngineError if the machine can't be reached or can't load it."""
        place = self._find(node)
        if place == self._node:
            return self._document(place, model, done=await self._errands.load(model))
        return self._document(place, model, done=await self._asked(place, wire.LOAD_PATH, model))

    async def unload(self, *, model: str, node: str) -> Document:
        """The same the other way; a model that is loading stops loading."""
        place = self._find(node)
        if place == self._node:
            return self._document(place, model, done=await self._errands.unload(model))
        return self._document(place, model, done=await self._asked(place, wire.UNLOAD_PATH, model))

    async def _asked(self, node: NodeId, path: str, model: str) -> bool:
        return (await self._asking.ask(node, path, wire.Errand(model=model), wire.Begun)).done

    def _document(self, node: NodeId, model: str, *, done: bool) -> Document:
        return {"model": model, "node": {"id": node, "name": self._asking.name(node)}, "done": done}
