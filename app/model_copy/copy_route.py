"""What members may ask of this machine: to fetch a model from others, and to stop that."""

from collections.abc import Callable, Sequence

import structlog

from corral.app import peer_json
from corral.app.model_copy import wire
from corral.app.model_copy.copies import Copies
from corral.app.model_copy.errors import CopyError
from corral.app.model_copy.manifest import ModelSum
from corral.peers.transport.route import PeerAnswer, PeerRequest, PeerRoute

_JSON = {"content-type": "application/json"}
_LOG = structlog.get_logger(__name__)


class CopyRoute:
    """Serves POST /peer/copy and /peer/copy/cancel."""

    def __init__(self, *, copies: Copies, accepts: Callable[[str], bool]) -> None:
        """`accepts` says whether a claim (TERM.ROUTER) is not older than the one this node follows."""
        self._copies = copies
        self._accepts = accepts

    def routes(self) -> Sequence[PeerRoute]:
        """For the peer port."""
        return [
            PeerRoute(method="POST", path=wire.COPY_PATH, handler=self.begin, most_bytes=wire.MAX_BYTES),
            PeerRoute(method="POST", path=wire.CANCEL_PATH, handler=self.cancel, most_bytes=wire.MAX_BYTES),
        ]

    async def begin(self, request: PeerRequest) -> PeerAnswer:
        """How the copy goes."""
        try:
            ask = peer_json.decode(wire.Ask, await self._read(request))
            return PeerAnswer(headers=_JSON, body=peer_json.encode(await self._copies.begin(ask)))
        except (CopyError, peer_json.Malformed) as error:
            return _refused(error)

    async def cancel(self, request: PeerRequest) -> PeerAnswer:
        """Nothing, when it has ended."""
        try:
            wanted = peer_json.decode(wire.Cancel, await self._read(request))
            await self._copies.cancel(ModelSum(wanted.id), keep=wanted.keep)
            return PeerAnswer(status=204)
        except (CopyError, peer_json.Malformed) as error:
            return _refused(error)

    async def _read(self, request: PeerRequest) -> bytes:
        """Raises CopyError."""
        if not self._accepts(request.headers.get(wire.CLAIM_HEADER, "")):
            _LOG.warning("refused a router that is no longer the router", peer=request.peer)
            raise CopyError("this machine follows a newer router; try again")
        return await request.read()


def _refused(error: CopyError | peer_json.Malformed) -> PeerAnswer:
    if isinstance(error, peer_json.Malformed):
        return PeerAnswer(status=400, body=str(error).encode())
    status, body = wire.refusal_of(error)
    return PeerAnswer(status=status, headers=_JSON, body=body)
