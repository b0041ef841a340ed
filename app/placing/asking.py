"""How the router asks another machine to do something."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from corral.app import peer_json
from corral.app.placing import wire
from corral.app.serving.errors import PeerFailed
from corral.engines.errors import EngineError, error_from_code
from corral.peers.cluster.members import Members
from corral.peers.ids import NodeId
from corral.peers.transport.client import PeerClient
from corral.peers.transport.errors import PeerAnswered, PeerError

_ANSWER_S = 10.0
_MOST_MESSAGE = 1000

_M = TypeVar("_M", bound=msgspec.Struct)


class Asking:
    """Over the peer port, with this machine's claim to be the router."""

    def __init__(self, *, members: Members, client: PeerClient, claim: Callable[[], str]) -> None:
        self._members = members
        self._client = client
        self._claim = claim

    def name(self, node: NodeId) -> str:
        """What people call it."""
        return self._members.name(node)

    async def ask(self, node: NodeId, path: str, message: msgspec.Struct, kind: type[_M]) -> _M:
        """Its answer, a `kind`. Raises EngineError: that of the machine, or PeerFailed if it can't be reached."""
        name = self.name(node)
        headers = {"content-type": "application/json", wire.CLAIM_HEADER: self._claim()}
        try:
            answer = await self._client.post(
                node,
                path,
                peer_json.encode(message),
                timeout_s=_ANSWER_S,
                most_bytes=wire.MOST_BYTES,
                headers=headers,
            )
            return peer_json.decode(kind, answer)
        except PeerAnswered as error:
            raise _refusal(error, machine=name) from error
        except PeerError as error:
            raise PeerFailed(f"{name} can't be reached; is it switched on?") from error
        except peer_json.Malformed as error:
            raise PeerFailed(f"{name} gave an answer that makes no sense") from error


def _refusal(error: PeerAnswered, *, machine: str) -> EngineError:
    if error.status in (404, 405):
        return PeerFailed(f"{machine} runs a version of Corral that can't do this; update it")
    try:
        refusal = peer_json.decode(wire.Refusal, error.body)
    except peer_json.Malformed:
        return PeerFailed(f"{machine} answered with status {error.status}")
    return error_from_code(refusal.code, f"{machine}: {refusal.message[:_MOST_MESSAGE]}", refusal.param)
