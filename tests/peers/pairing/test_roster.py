"""Who belongs: good rows, bad rows, removed ones, and equal names."""

from pathlib import Path

import pytest

from corral.peers.identity.identity import Identity
from corral.peers.pairing.roster import Member, Roster, roster_of
from corral.peers.replication.projection import Row
from tests.peers.pairing.stage import identity


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> list[Identity]:
    """Four machines in the order of their ids."""
    folder: Path = tmp_path_factory.mktemp("machines")
    return sorted((identity(folder, str(n)) for n in range(4)), key=lambda each: each.node)


def row(machine: Identity, **values: object) -> Row:
    default = {"name": "box", "certificate": machine.certificate.pem, "approved_at": 1.0}
    return Row(machine.node, {**default, **values})


def test_nobody() -> None:
    assert roster_of([]) == Roster()


def test_a_member(machines: list[Identity]) -> None:
    roster = roster_of([row(machines[0], approved_by="ann", joined_with="t1", revoked_at=None)])
    member = Member(
        node=machines[0].node,
        name="box",
        certificate=machines[0].certificate,
        approved_at=1.0,
        approved_by="ann",
        joined_with="t1",
    )
    assert dict(roster.members) == {member.node: member}
    assert roster.certificate(member.node) == member.certificate
    assert roster.knows(member.certificate) and not roster.knows(machines[1].certificate)
    assert roster.admitted_with("t1") == {member.node} and roster.admitted_with("t2") == frozenset()


def test_removed_members_stay_known_as_removed(machines: list[Identity]) -> None:
    roster = roster_of([row(machines[0], revoked_at=5, joined_with="t1"), row(machines[1], name="BOX")])
    assert set(roster.members) == {machines[1].node} and roster.members[machines[1].node].name == "BOX"
    assert roster.revoked == {machines[0].node} and roster.removed[machines[0].node].revoked_at == 5.0
    assert roster.certificate(machines[0].node) is None and not roster.knows(machines[0].certificate)
    assert roster.admitted_with("t1") == {machines[0].node}


def test_rows_that_make_no_sense_are_told_and_ignored(machines: list[Identity]) -> None:
    roster = roster_of(
        [
            row(machines[0], certificate=machines[1].certificate.pem),
            row(machines[1], certificate="nonsense", revoked_at=2.0),
            Row("nobody", {"name": "box"}),
            row(machines[2]),
        ]
    )
    assert set(roster.members) == {machines[2].node}
    assert set(roster.faults) == {machines[0].node, machines[1].node, "nobody"}
    assert "another machine's" in roster.faults[machines[0].node]
    assert roster.revoked == {machines[1].node}


def test_the_longest_member_keeps_its_name(machines: list[Identity]) -> None:
    roster = roster_of(
        [
            row(machines[0], approved_at=3.0, name="Box"),
            row(machines[1], approved_at=1.0),
            row(machines[2], approved_at=2.0),
            row(machines[3], approved_at=4.0, name="box-2"),
        ]
    )
    names = [roster.members[each.node].name for each in machines]
    assert names == ["Box-4", "box", "box-3", "box-2"]
