"""Loading and unloading models on any machine of the cluster. For the router only."""

from collections.abc import Callable
from typing import Any

from corral.app import peer_json
from corral.app.placing import wire
from corral.app.placing.errands import Errands
from corral.app.serving.errors import PeerFailed
from corral.engines.errors import EngineError, error_from_code
from corral.peers.cluster.members import Members
from corral.peers.ids import NodeId
from corral.peers.transport.client import PeerClient
from corral.peers.transport.errors import PeerAnswered, PeerError

_ANSWER_S = 10.0
_MOST_MESSAGE = 1000

Document = dict[str, Any]


class LoadControl:
    """Documents are as `api.place_answers` shapes them."""

    def __init__(
        self,
        *,
        node: NodeId,
        errands: Errands,
        find: Callable[[str], NodeId],
        members: Members,
        client: PeerClient,
        claim: Callable[[], str],
    ) -> None:
        """`errands` are this machine's; `find`: the machine of a name or id, if it is there."""
        self._node = node
        self._errands = errands
        self._find = find
        self._members = members
        self._client = client
        self._claim = claim

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
        name = self._members.name(node)
        headers = {"content-type": "application/json", wire.CLAIM_HEADER: self._claim()}
        try:
            answer = await self._client.post(
                node,
                path,
                peer_json.encode(wire.Errand(model=model)),
                timeout_s=_ANSWER_S,
                most_bytes=wire.MOST_BYTES,
                headers=headers,
            )
            return peer_json.decode(wire.Begun, answer).done
        except PeerAnswered as error:
            raise _refusal(error, machine=name) from error
        except PeerError as error:
            raise PeerFailed(f"{name} can't be reached; is it switched on?") from error
        except peer_json.Malformed as error:
            raise PeerFailed(f"{name} gave an answer that makes no sense") from error

    def _document(self, node: NodeId, model: str, *, done: bool) -> Document:
        return {"model": model, "node": {"id": node, "name": self._members.name(node)}, "done": done}


def _refusal(error: PeerAnswered, *, machine: str) -> EngineError:
    if error.status in (404, 405):
        return PeerFailed(f"{machine} runs a version of Corral that can't do this; update it")
    try:
        refusal = peer_json.decode(wire.Refusal, error.body)
    except peer_json.Malformed:
        return PeerFailed(f"{machine} answered with status {error.status}")
    return error_from_code(refusal.code, f"{machine}: {refusal.message[:_MOST_MESSAGE]}", refusal.param)
