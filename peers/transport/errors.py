"""Why a peer didn't do what was asked of it.

PeerError
├── PeerUnreachable     nothing was sent to it: another peer may be asked without a risk
│   ├── PeerNowhere     no address of it is known
│   └── PeerRefused     its machine answered that nothing listens there: the process is gone
├── PeerNotTrusted      nothing was sent: another machine answers there, or it doesn't trust this one
├── PeerBroke           the connection ended after the request went out: unknown whether it was handled
├── PeerTimeout         no answer, or none any more, in time: unknown whether it was handled
├── PeerAnswered        it answered with an error status
└── PeerAnsweredTooMuch its answer was longer than the caller wanted
"""

from corral.peers.ids import NodeId

_SHOWN_BYTES = 200


class PeerError(Exception):
    """Base of all; `node` says which peer."""

    def __init__(self, node: NodeId, message: str) -> None:
        super().__init__(f"Machine {node[:8]}: {message}")
        self.node = node


class PeerUnreachable(PeerError):
    """Nothing was sent to it."""


class PeerNowhere(PeerUnreachable):
    """No address of it is known, so none was tried."""

    def __init__(self, node: NodeId) -> None:
        super().__init__(node, "no address of it is known")


class PeerRefused(PeerUnreachable):
    """Its address refuses connections: no process listens there."""


class PeerNotTrusted(PeerError):
    """It didn't prove the pinned certificate, or doesn't accept ours. Nothing was sent to it."""


class PeerBroke(PeerError):
    """The connection ended after the request went out: unknown whether it was handled."""


class PeerTimeout(PeerError):
    """It took too long after the request went out: unknown whether it was handled."""


class PeerAnswered(PeerError):
    """An answer other than 2xx."""

    def __init__(self, node: NodeId, status: int, body: bytes) -> None:
        shown = body[:_SHOWN_BYTES].decode(errors="replace")
        super().__init__(node, f"answered {status}: {shown}" if shown else f"answered {status}")
        self.status = status
        self.body = body


class PeerAnsweredTooMuch(PeerError):
    """An answer longer than the caller wanted; the connection was cut."""

    def __init__(self, node: NodeId, most_bytes: int) -> None:
        super().__init__(node, f"its answer has more than {most_bytes} bytes")
