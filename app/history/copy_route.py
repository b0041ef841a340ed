"""Where other machines ask for copies: POST /peer/history and /peer/history/bodies."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from corral.app.history import copy_wire as wire
from corral.app.history.copy_source import CopySource
from corral.peers.ids import NodeId
from corral.peers.transport.route import PeerAnswer, PeerRequest, PeerRoute

_BAD_REQUEST, _FORBIDDEN = 400, 403
_Ask = TypeVar("_Ask", wire.Ask, wire.AskBodies)


class CopyRoute:
    """Answers those that may have copies, and nobody else: prompts stay on few machines."""

    def __init__(self, source: CopySource, *, may_copy: Callable[[NodeId], bool]) -> None:
        self._source = source
        self._may_copy = may_copy

    def routes(self) -> Sequence[PeerRoute]:
        """For the peer port."""
        return [
            PeerRoute(method="POST", path=wire.PAGE_PATH, handler=self._page, most_bytes=wire.MOST_ASK_BYTES),
            PeerRoute(
                method="POST", path=wire.BODIES_PATH, handler=self._bodies, most_bytes=wire.MOST_ASK_BYTES
            ),
        ]

    async def _page(self, request: PeerRequest) -> PeerAnswer:
        return await self._answer(request, wire.Ask, self._source.page)

    async def _bodies(self, request: PeerRequest) -> PeerAnswer:
        return await self._answer(request, wire.AskBodies, self._source.bodies)

    async def _answer(
        self,
        request: PeerRequest,
        kind: type[_Ask],
        answer: Callable[[_Ask], Awaitable[wire.Page]] | Callable[[_Ask], Awaitable[wire.Bodies]],
    ) -> PeerAnswer:
        if not self._may_copy(request.peer):
            return PeerAnswer(status=_FORBIDDEN, body=b"this machine copies nothing of the history")
        try:
            ask = wire.decode(await request.read(), kind)
        except wire.BadCopy as error:
            return PeerAnswer(status=_BAD_REQUEST, body=str(error).encode())
        return PeerAnswer(body=wire.encode(await answer(ask)))
