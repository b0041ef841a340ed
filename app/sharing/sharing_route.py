"""What the router may ask of this machine: to work for the others no more, or again."""

from collections.abc import Callable

import structlog

from corral.app.placing.answering import answer
from corral.app.sharing import wire
from corral.app.sharing.sharing import Sharing
from corral.peers.transport.route import PeerAnswer, PeerRequest, PeerRoute

_LOG = structlog.get_logger(__name__)


class SharingRoute:
    """Serves POST /peer/sharing."""

    def __init__(self, *, sharing: Sharing, accepts: Callable[[str], bool]) -> None:
        """`accepts` says whether a claim (TERM.ROUTER) is not older than the one this node follows."""
        self._sharing = sharing
        self._accepts = accepts

    def route(self) -> PeerRoute:
        """For the peer port."""
        return PeerRoute(
            method="POST", path=wire.SHARING_PATH, handler=self.share, most_bytes=wire.MOST_BYTES
        )

    async def share(self, request: PeerRequest) -> PeerAnswer:
        """How it is then."""

        async def choose(choice: wire.Choice) -> wire.Choice:
            self._sharing.set_paused(choice.paused)
            _LOG.info("somebody chose on another machine", paused=choice.paused, peer=request.peer)
            return wire.Choice(paused=self._sharing.paused)

        return await answer(request, wire.Choice, choose, accepts=self._accepts)
