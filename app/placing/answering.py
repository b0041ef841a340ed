"""How a machine answers what the router asks of it."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import structlog

from corral.app import peer_json
from corral.app.placing import wire
from corral.app.serving.errors import StaleRouter
from corral.engines.errors import EngineError
from corral.peers.transport.route import PeerAnswer, PeerRequest

_JSON = {"content-type": "application/json"}
_LOG = structlog.get_logger(__name__)

_M = TypeVar("_M", bound=msgspec.Struct)


async def answer(
    request: PeerRequest,
    kind: type[_M],
    act: Callable[[_M], Awaitable[msgspec.Struct]],
    *,
    accepts: Callable[[str], bool],
) -> PeerAnswer:
    """What `act` makes of the message, a `kind`; `accepts` says whether the router's claim (TERM.ROUTER) is good."""
    try:
        if not accepts(request.headers.get(wire.CLAIM_HEADER, "")):
            _LOG.warning("refused a router that is no longer the router", peer=request.peer)
            raise StaleRouter("this machine follows a newer router; try again")
        message = peer_json.decode(kind, await request.read())
        return PeerAnswer(headers=_JSON, body=peer_json.encode(await act(message)))
    except peer_json.Malformed as error:
        return PeerAnswer(status=400, body=str(error).encode())
    except EngineError as error:
        refusal = wire.Refusal(code=error.code, message=error.message, param=error.param)
        return PeerAnswer(status=409, headers=_JSON, body=peer_json.encode(refusal))
