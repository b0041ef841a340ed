"""What members may ask of this machine: to download a model, and to remove one."""

from collections.abc import Callable, Sequence

import structlog

from corral.app import peer_json
from corral.app.model_copy import wire as copy_wire
from corral.app.model_copy.errors import CopyError
from corral.app.registry import order as orders
from corral.app.registry import wire
from corral.app.registry.errors import NotRegistered, RegistryError
from corral.app.registry.pulls import Pulls
from corral.app.registry.removal import Removal
from corral.peers.transport.route import PeerAnswer, PeerRequest, PeerRoute

_JSON = {"content-type": "application/json"}
_LOG = structlog.get_logger(__name__)


class PullRoute:
    """Serves POST /peer/pull and /peer/remove."""

    def __init__(self, *, pulls: Pulls, removal: Removal, accepts: Callable[[str], bool]) -> None:
        """`accepts` says whether a claim (TERM.ROUTER) is not older than the one this node follows."""
        self._pulls = pulls
        self._removal = removal
        self._accepts = accepts

    def routes(self) -> Sequence[PeerRoute]:
        """For the peer port."""
        return [
            PeerRoute(method="POST", path=wire.PULL_PATH, handler=self.pull, most_bytes=orders.MOST_BYTES),
            PeerRoute(
                method="POST", path=wire.REMOVE_PATH, handler=self.remove, most_bytes=copy_wire.MAX_BYTES
            ),
        ]

    async def pull(self, request: PeerRequest) -> PeerAnswer:
        """How the download goes."""
        try:
            order = orders.decode(await self._read(request))
            return PeerAnswer(headers=_JSON, body=peer_json.encode(await self._pulls.begin(order)))
        except orders.BadOrder as error:
            return PeerAnswer(status=400, body=str(error).encode())
        except CopyError as error:
            status, body = copy_wire.refusal_of(error)
            return PeerAnswer(status=status, headers=_JSON, body=body)

    async def remove(self, request: PeerRequest) -> PeerAnswer:
        """What it freed."""
        try:
            wanted = peer_json.decode(wire.Remove, await self._read(request))
            freed_bytes = await self._removal.remove(wanted.model)
            return PeerAnswer(headers=_JSON, body=peer_json.encode(wire.Removed(freed_bytes=freed_bytes)))
        except peer_json.Malformed as error:
            return PeerAnswer(status=400, body=str(error).encode())
        except (RegistryError, CopyError) as error:
            status = 404 if isinstance(error, NotRegistered) else 409
            refusal = copy_wire.Refusal(code=error.code, message=error.message)
            return PeerAnswer(status=status, headers=_JSON, body=peer_json.encode(refusal))

    async def _read(self, request: PeerRequest) -> bytes:
        """Raises CopyError."""
        if not self._accepts(request.headers.get(copy_wire.CLAIM_HEADER, "")):
            _LOG.warning("refused a router that is no longer the router", peer=request.peer)
            raise CopyError("this machine follows a newer router; try again")
        return await request.read()
