"""What machines that want to join say to the front door: open to all, bounded, nothing secret."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from corral.app.api.answers import Open
from corral.app.api.call import JSON_HEADERS, Call, json_answer, once
from corral.app.api.request_errors import BodyTooLarge
from corral.app.api.route import Route
from corral.app.cluster.knocking import INFO_PATH, ClusterInfo
from corral.app.gateway.endpoint import GatewayResponse
from corral.peers.pairing.messages import MOST_BYTES, PATHS


class Desk(Protocol):
    """What this needs of `cluster.pairing_desk.PairingDesk`."""

    async def answer(self, body: bytes, *, client: str) -> Any: ...


class PairingInfo(Open):
    """A cluster as strangers may know it."""

    cluster: str
    name: str
    members: int
    used: bool
    founded_at: float


class PairingMessage(Open):
    """A message of the pairing protocol, see docs/protocol.md."""

    kind: str


class PairRoutes:
    """Handlers of /pair."""

    def __init__(self, *, desk: Desk, info: Callable[[], ClusterInfo]) -> None:
        self._desk = desk
        self._info = info

    async def info(self, call: Call) -> GatewayResponse:
        return json_answer(msgspec.json.encode(self._info()))

    async def say(self, call: Call) -> GatewayResponse:
        if len(call.body) > MOST_BYTES:
            raise BodyTooLarge(MOST_BYTES)
        answer = await self._desk.answer(call.body, client=call.client.address)
        return GatewayResponse(status=answer.status, headers=JSON_HEADERS, body=once(answer.body))

    def routes(self) -> Sequence[Route]:
        info = Route(
            method="GET",
            path=INFO_PATH,
            handler=self.info,
            summary="Which cluster this is, for machines that may join",
            answer=PairingInfo,
            needs_ready=True,
            node_local=True,
        )
        said = [
            Route(
                method="POST",
                path=path,
                handler=self.say,
                summary=f"Pairing: {message.__name__}",
                body=PairingMessage,
                answer=PairingMessage,
                errors=(409,),
                needs_ready=True,
            )
            for message, path in PATHS.items()
        ]
        return [info, *said]
