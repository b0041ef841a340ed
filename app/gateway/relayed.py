"""What the member that passed a request on to the router says of its client. Members are trusted."""

from dataclasses import dataclass
from enum import StrEnum

from corral.peers.ids import NodeId


class Vouched(StrEnum):
    """Who asks, where only the machine that it asked can tell."""

    THIS_MACHINE = "this_machine"  # a command of the user that runs that node
    LOOPBACK = "loopback"  # a program there without a key, where the settings of that node allow it


@dataclass(frozen=True, slots=True, kw_only=True)
class Relayed:
    """A request that came through another member. Only the front door makes one, never a client's header."""

    node: NodeId
    node_name: str
    vouched: Vouched | None = None
    host_ok: bool = False  # the Host header names that member
