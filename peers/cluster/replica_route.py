"""Where members ask for replicated state."""

from typing import Final

from corral.peers.replication.errors import MalformedMessage
from corral.peers.replication.ledger import Ledger
from corral.peers.replication.messages import MOST_BYTES
from corral.peers.transport.route import PeerAnswer, PeerRequest, PeerRoute

REPLICA_PATH: Final = "/peer/replica"


def replica_route(ledger: Ledger) -> PeerRoute:
    """For the peer port."""

    async def answer(request: PeerRequest) -> PeerAnswer:
        try:
            return PeerAnswer(body=await ledger.answer(request.peer, await request.read()))
        except MalformedMessage as error:
            return PeerAnswer(status=400, body=str(error).encode())

    return PeerRoute(method="POST", path=REPLICA_PATH, handler=answer, most_bytes=MOST_BYTES)
