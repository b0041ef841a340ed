"""Who belongs to the cluster, as the replicated table of members says. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from types import MappingProxyType

from corral.peers.identity.certificate import Certificate
from corral.peers.identity.errors import BadCertificate
from corral.peers.ids import NodeId
from corral.peers.replication.projection import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A machine that was admitted. Its name differs from every other member's. Times are Unix time in seconds."""

    node: NodeId
    name: str
    certificate: Certificate
    approved_at: float
    approved_by: str | None = None
    revoked_at: float | None = None
    joined_with: str | None = None  # id of the invite token


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Those who belong, those who were removed, and the rows that make no sense (id → why)."""

    members: Mapping[NodeId, Member] = field(default_factory=lambda: MappingProxyType({}))
    removed: Mapping[NodeId, Member] = field(default_factory=lambda: MappingProxyType({}))
    revoked: frozenset[NodeId] = frozenset()  # also those whose certificate can't be read
    faults: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    tokens: Mapping[str, frozenset[NodeId]] = field(default_factory=lambda: MappingProxyType({}))

    def certificate(self, node: NodeId) -> Certificate | None:
        """A member's certificate; None for anybody else."""
        member = self.members.get(node)
        return None if member is None else member.certificate

    def knows(self, certificate: Certificate) -> bool:
        """Whether exactly this certificate is a member's."""
        known = self.certificate(certificate.node)
        return known is not None and known.der == certificate.der

    def admitted_with(self, token: str) -> frozenset[NodeId]:
        """Whoever joined with an invite token, also those who were removed since."""
        return self.tokens.get(token, frozenset())


def roster_of(rows: Iterable[Row]) -> Roster:
    """The roster from the rows of `members`. The longest member keeps a name; others get `-2`, `-3`, …"""
    read: list[Member] = []
    faults: dict[str, str] = {}
    revoked: set[NodeId] = set()
    tokens: dict[str, set[NodeId]] = {}
    for row in rows:
        node, token = NodeId(row.id), row.values.get("joined_with")
        if row.values.get("revoked_at") is not None:
            revoked.add(node)
        if isinstance(token, str):
            tokens.setdefault(token, set()).add(node)
        try:
            read.append(_member(row))
        except (BadCertificate, KeyError, ValueError) as error:
            faults[row.id] = str(error)
    return Roster(
        members=_named(each for each in read if each.node not in revoked),
        removed=MappingProxyType({each.node: each for each in read if each.node in revoked}),
        revoked=frozenset(revoked),
        faults=MappingProxyType(faults),
        tokens=MappingProxyType({token: frozenset(nodes) for token, nodes in tokens.items()}),
    )


def _member(row: Row) -> Member:
    certificate = Certificate.from_pem(str(row.values["certificate"]))
    if certificate.node != row.id:
        raise ValueError("the certificate is another machine's")
    return Member(
        node=certificate.node,
        name=str(row.values["name"]),
        certificate=certificate,
        approved_at=_number(row.values["approved_at"]) or 0.0,
        approved_by=_text(row.values.get("approved_by")),
        revoked_at=_number(row.values.get("revoked_at")),
        joined_with=_text(row.values.get("joined_with")),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _named(members: Iterable[Member]) -> Mapping[NodeId, Member]:
    """By id, each with a name of its own."""
    ordered = sorted(members, key=lambda each: (each.approved_at, each.node))
    wanted = {each.name.casefold() for each in ordered}
    taken: set[str] = set()
    named: dict[NodeId, Member] = {}
    for member in ordered:
        name = member.name
        if name.casefold() in taken:
            name = next(each for each in _numbered(name) if each.casefold() not in taken | wanted)
        taken.add(name.casefold())
        named[member.node] = replace(member, name=name)
    return MappingProxyType(dict(sorted(named.items())))


def _numbered(name: str) -> Iterable[str]:
    return (f"{name}-{n}" for n in count(2))
