"""What can go wrong between this node and a peer that answers for it.

EngineError
├── PeerFailed      the peer can't be reached, broke off or fell silent; another one may answer
└── StaleRouter     the peer follows a newer router than this node
"""

from typing import ClassVar

from corral.engines.errors import EngineError


class PeerFailed(EngineError):
    code: ClassVar[str] = "endpoint_failed"


class StaleRouter(EngineError):
    code: ClassVar[str] = "stale_router"
