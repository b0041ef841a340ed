"""Who belongs to the cluster, as the ledger says now."""

from collections.abc import Callable, Collection, Sequence
from types import MappingProxyType

import structlog

from corral.peers.identity.certificate import Certificate
from corral.peers.ids import NodeId
from corral.peers.pairing.roster import Member, Roster, roster_of
from corral.peers.replication.ledger import Ledger
from corral.peers.replication.view import View

TABLE = "members"
_LOG = structlog.get_logger(__name__)


class Members:
    """A roster that is up to date. `open` it before use."""

    def __init__(self, *, introduced: Sequence[Certificate] = ()) -> None:
        """`introduced` are members that this machine was told of when it joined; they count until the ledger tells more."""
        self._introduced = introduced
        self._faults: frozenset[str] = frozenset()
        self._listeners: list[Callable[[], None]] = []
        self.roster = _introductions(introduced)

    async def open(self, ledger: Ledger) -> None:
        """Read them, and follow what changes."""
        view: View | None = None

        def changed(_ids: Collection[str]) -> None:
            if view is not None:
                self._read(roster_of(view.rows.values()))

        view = await ledger.view(TABLE, changed)
        changed(())

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call it after each change."""
        self._listeners.append(listener)

    def certificate(self, node: NodeId) -> Certificate | None:
        """A member's certificate; None for anybody else."""
        return self.roster.certificate(node)

    def name(self, node: NodeId) -> str:
        """What people call a machine; the beginning of its id if it is no member."""
        member = self.roster.members.get(node) or self.roster.removed.get(node)
        return node[:8] if member is None else member.name

    def _read(self, roster: Roster) -> None:
        for id in roster.faults.keys() - self._faults:
            _LOG.warning("a row of the members makes no sense", member=id[:64], reason=roster.faults[id])
        self._faults = frozenset(roster.faults)
        told = bool(roster.members or roster.revoked)
        self.roster = roster if told else _introductions(self._introduced)
        for listener in self._listeners:
            listener()


def _introductions(certificates: Sequence[Certificate]) -> Roster:
    members = {
        each.node: Member(node=each.node, name=each.node[:8], certificate=each, approved_at=0.0)
        for each in certificates
    }
    return Roster(members=MappingProxyType(members))
