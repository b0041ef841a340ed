"""What an elector wants done, in this order."""

from dataclasses import dataclass

from corral.peers.election.messages import Message
from corral.peers.ids import NodeId


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message to a member; it may get lost."""

    to: NodeId
    message: Message


@dataclass(frozen=True, slots=True)
class Persist:
    """Put the highest term on disk, durably, before carrying out what comes after."""

    max_term: int


@dataclass(frozen=True, slots=True)
class Probe:
    """Open a new connection to a member now; report it as refused if it is."""

    to: NodeId


Effect = Send | Persist | Probe
