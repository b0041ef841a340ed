"""What members may ask of this machine: to load a model, and to unload one."""

from collections.abc import Awaitable, Callable, Sequence

import structlog

from corral.app import peer_json
from corral.app.placing import wire
from corral.app.placing.errands import Errands
from corral.app.serving.errors import StaleRouter
from corral.engines.errors import EngineError
from corral.peers.transport.route import PeerAnswer, PeerRequest, PeerRoute

_JSON = {"content-type": "application/json"}
_LOG = structlog.get_logger(__name__)


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
        try:
            if not self._accepts(request.headers.get(wire.CLAIM_HEADER, "")):
                _LOG.warning("refused a router that is no longer the router", peer=request.peer)
                raise StaleRouter("this machine follows a newer router; try again")
            wanted = peer_json.decode(wire.Errand, await request.read())
            return PeerAnswer(
                headers=_JSON, body=peer_json.encode(wire.Begun(done=await errand(wanted.model)))
            )
        except peer_json.Malformed as error:
            return PeerAnswer(status=400, body=str(error).encode())
        except EngineError as error:
            refusal = wire.Refusal(code=error.code, message=error.message, param=error.param)
            return PeerAnswer(status=409, headers=_JSON, body=peer_json.encode(refusal))
