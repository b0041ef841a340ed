"""What members may ask of this machine: to load a model, and to unload one."""

from collections.abc import Awaitable, Callable, Sequence

from corral.app.placing import wire
from corral.app.placing.answering import answer
from corral.app.placing.errands import Errands
from corral.peers.transport.route import PeerAnswer, PeerRequest, PeerRoute


class LoadRoute:
    """Serves POST /peer/load and /peer/unload."""

    def __init__(self, *, errands: Errands, accepts: Callable[[str], bool]) -> None:
        """`accepts` says whether a claim (TERM.ROUTER) is not older than the one this node follows."""
        self._errands = errands
        self._accepts = accepts

    def routes(self) -> Sequence[PeerRoute]:
        """For the peer port."""
        return [
            PeerRoute(method="POST", path=wire.LOAD_PATH, handler=self.load, most_bytes=wire.MOST_BYTES),
            PeerRoute(method="POST", path=wire.UNLOAD_PATH, handler=self.unload, most_bytes=wire.MOST_BYTES),
        ]

    async def load(self, request: PeerRequest) -> PeerAnswer:
        """Whether it is loaded already."""
        return await self._answer(request, self._errands.load)

    async def unload(self, request: PeerRequest) -> PeerAnswer:
        """Whether it is unloaded already."""
        return await self._answer(request, self._errands.unload)

    async def _answer(self, request: PeerRequest, errand: Callable[[str], Awaitable[bool]]) -> PeerAnswer:
        async def begun(wanted: wire.Errand) -> wire.Begun:
            return wire.Begun(done=await errand(wanted.model))

        return await answer(request, wire.Errand, begun, accepts=self._accepts)
