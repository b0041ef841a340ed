"""Telling the others that this machine leaves."""

from collections.abc import Sequence
from typing import Protocol

import structlog

from corral.peers.ids import NodeId
from corral.peers.transport.errors import PeerError

LEAVE_PATH = "/peer/leave"
_ANSWER_S = 3.0
_LOG = structlog.get_logger(__name__)


class Members(Protocol):
    """What this needs of `transport.PeerClient`."""

    async def post(self, node: NodeId, path: str, body: bytes, *, timeout_s: float) -> bytes: ...


async def tell_goodbye(client: Members, members: Sequence[NodeId]) -> bool:
    """Tell the first that can be reached; it strikes this machine off. False: nobody could be."""
    for member in dict.fromkeys(members):
        try:
            await client.post(member, LEAVE_PATH, b"", timeout_s=_ANSWER_S)
        except PeerError as error:
            _LOG.info("a member didn't take the goodbye", member=member, error=str(error))
        else:
            return True
    return False
