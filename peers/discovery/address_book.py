"""Where each machine may be reached, and who said so. Pure and bounded: whatever strangers say, it stays small.

All sources are equal: an address counts as right once the machine proved its key there. Members have their place for good;
strangers share `MOST_STRANGERS` places, in which proven machines stay and others are replaced, the longest silent one first.
`now` is any clock in seconds that doesn't jump.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from corral.peers.address import Address
from corral.peers.discovery.announcement import Announcement
from corral.peers.discovery.entry import Entry, KnownAddress, Source
from corral.peers.ids import NodeId

MOST_STRANGERS: Final = 64
MOST_MANUAL: Final = 32
PROBE_EVERY_S: Final = 10.0
PROBE_PROVEN_EVERY_S: Final = 60.0
PROBES_AT_ONCE: Final = 8
FORGET_AFTER_S: Final = 600.0  # a stranger that is silent for so long


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A machine that may be there; `node` is None for an address that a person wrote and nobody answered at yet."""

    node: NodeId | None
    addresses: tuple[KnownAddress, ...]  # the most promising first
    announcement: Announcement | None
    member: bool
    proven: bool
    heard_at: float  # when it was last named by anyone


class AddressBook:
    """The machines known of, save this one."""

    def __init__(self, own: NodeId) -> None:
        self._own = own
        self._members: dict[NodeId, Entry] = {}
        self._strangers: dict[NodeId, Entry] = {}
        self._manual: dict[Address, _Manual] = {}

    def set_members(self, members: Collection[NodeId]) -> None:
        """Who belongs to the cluster now; one that left is a stranger from then on."""
        for node in [node for node in self._members if node not in members]:
            self._admit(node, self._members.pop(node))
        for node in members:
            if node != self._own and node not in self._members:
                self._members[node] = self._strangers.pop(node, Entry())

    def hear(self, announcement: Announcement, addresses: Sequence[Address], now: float) -> bool:
        """A machine announced itself by multicast DNS; true if that is news."""
        entry = self._entry(announcement.node, now)
        return entry is not None and entry.announce(announcement, addresses, now)

    def leave(self, node: NodeId) -> bool:
        """It said goodbye, or its record expired: what only multicast DNS said is forgotten; true if that is news."""
        entry = self._known(node)
        if entry is None:
            return False
        left = entry.withdraw()
        if not entry.addresses and node in self._strangers:
            del self._strangers[node]
        return left

    def gossip(self, node: NodeId, addresses: Iterable[Address], now: float) -> None:
        """A member said where it reaches this machine."""
        self._add(node, addresses, Source.GOSSIP, now)

    def set_manual(self, addresses: Iterable[Address]) -> None:
        """The addresses that a person wrote, instead of those before; those over the bound are left out."""
        wanted = list(dict.fromkeys(addresses))[:MOST_MANUAL]
        self._manual = {address: self._manual.get(address, _Manual()) for address in wanted}

    def prove(self, node: NodeId, address: Address, now: float) -> None:
        """The machine proved its key at this address, so it is not elsewhere's: others that claimed it lose it."""
        for other, elsewhere in self._entries():
            if other != node:
                elsewhere.drop(address)
        if address in self._manual:
            self._manual[address].node = node
        if node == self._own:
            return
        entry = self._entry(node, now, proven=True)
        if entry is not None:
            entry.prove(address, now)

    def addresses(self, node: NodeId) -> tuple[Address, ...]:
        """Where to try this machine: all at once, the most promising first."""
        entry = self._known(node)
        written = [address for address, manual in self._manual.items() if manual.node == node]
        known = [each.address for each in entry.ranked()] if entry else []
        return tuple(dict.fromkeys([*known, *written]))

    def node_at(self, host: str) -> NodeId | None:
        """The member of which this is an address, as far as known."""
        for node, entry in self._members.items():
            if any(address.host.partition("%")[0] == host.partition("%")[0] for address in entry.addresses):
                return node
        return None

    def candidates(self) -> tuple[Candidate, ...]:
        """Everyone known of: members, strangers, then addresses without a known machine."""
        known = [self._candidate(node, entry) for node, entry in self._entries()]
        nameless = [_nameless(address, each) for address, each in self._manual.items() if each.node is None]
        return (*known, *nameless)

    def to_probe(self, now: float) -> tuple[Candidate, ...]:
        """Who to ask for their key now, which counts as done: strangers and written addresses, each every 10 s at most."""
        self._forget_silent(now)
        due: list[tuple[float, Entry | _Manual, Candidate]] = []
        for node, entry in self._strangers.items():
            every_s = PROBE_PROVEN_EVERY_S if entry.proven and not entry.changed else PROBE_EVERY_S
            if entry.addresses and now - entry.probed_at >= every_s:
                due.append((entry.probed_at, entry, self._candidate(node, entry)))
        for address, manual in self._manual.items():
            settled = manual.node == self._own or manual.node in self._members
            if not settled and now - manual.probed_at >= PROBE_EVERY_S:
                due.append((manual.probed_at, manual, _nameless(address, manual)))
        due.sort(key=lambda each: each[0])
        for _, probed, _ in due[:PROBES_AT_ONCE]:
            probed.probed_at = now
        return tuple(candidate for _, _, candidate in due[:PROBES_AT_ONCE])

    def snapshot(self) -> dict[str, list[str]]:
        """For each member its last known addresses as text, proven ones first; for `remember` after the next start."""
        return {
            node: [str(each.address) for each in entry.ranked() if not each.address.is_link_local]
            for node, entry in sorted(self._members.items())
        }

    def remember(self, snapshot: Mapping[str, Sequence[str]], now: float) -> None:
        """Take what `snapshot` gave, for those who are members now; what can't be read is left out."""
        for node, texts in snapshot.items():
            if NodeId(node) in self._members:
                addresses = [Address.read(text) for text in texts[:MOST_STRANGERS]]
                known = (address for address in addresses if address is not None)
                self._add(NodeId(node), known, Source.REMEMBERED, now)

    def _add(self, node: NodeId, addresses: Iterable[Address], source: Source, now: float) -> None:
        entry = self._entry(node, now)
        if entry is not None:
            for address in addresses:
                entry.add(address, source, now)

    def _entry(self, node: NodeId, now: float, *, proven: bool = False) -> Entry | None:
        """The place of this machine, made if need be; None for this machine itself and where no place is free."""
        known = self._known(node)
        if known is None and node != self._own:
            known = self._admit(node, Entry(), proven=proven)
        if known is not None:
            known.heard_at = now
        return known

    def _admit(self, node: NodeId, entry: Entry, *, proven: bool = False) -> Entry | None:
        if len(self._strangers) >= MOST_STRANGERS:
            proven = proven or entry.proven
            victims = [name for name, each in self._strangers.items() if proven or not each.proven]
            if not victims:
                return None
            victim = min(
                victims, key=lambda name: (self._strangers[name].proven, self._strangers[name].heard_at)
            )
            del self._strangers[victim]
        self._strangers[node] = entry
        return entry

    def _forget_silent(self, now: float) -> None:
        for node in [n for n, each in self._strangers.items() if now - each.heard_at > FORGET_AFTER_S]:
            del self._strangers[node]

    def _known(self, node: NodeId) -> Entry | None:
        return self._members.get(node) or self._strangers.get(node)

    def _entries(self) -> Iterator[tuple[NodeId, Entry]]:
        yield from self._members.items()
        yield from self._strangers.items()

    def _candidate(self, node: NodeId, entry: Entry) -> Candidate:
        return Candidate(
            node=node,
            addresses=entry.ranked(),
            announcement=entry.announcement,
            member=node in self._members,
            proven=entry.proven,
            heard_at=entry.heard_at,
        )


@dataclass(slots=True)
class _Manual:
    node: NodeId | None = None
    probed_at: float = float("-inf")


def _nameless(address: Address, manual: _Manual) -> Candidate:
    return Candidate(
        node=manual.node,
        addresses=(KnownAddress(address, Source.MANUAL, float("-inf"), None),),
        announcement=None,
        member=False,
        proven=manual.node is not None,
        heard_at=float("-inf"),
    )
