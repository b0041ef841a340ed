from collections.abc import Mapping
from pathlib import Path

import pytest

from corral.peers.cluster.enrolment import own_row
from corral.peers.identity.certificate import Certificate
from corral.peers.identity.identity import load_identity
from corral.peers.pairing.roster import Member, Roster


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return load_identity(tmp_path_factory.mktemp("identity")).certificate


def roster(certificate: Certificate, name: str) -> Roster:
    node = certificate.node
    return Roster(members={node: Member(node=node, name=name, certificate=certificate, approved_at=1.0)})


def written(known: Roster, certificate: Certificate, *, joined: bool = False) -> Mapping[str, object]:
    return own_row(known, certificate.node, name="desk", certificate=certificate, joined=joined, now=5.0)


def test_the_first_machine_writes_itself_down(certificate: Certificate) -> None:
    assert written(Roster(), certificate) == {
        "name": "desk",
        "certificate": certificate.pem,
        "approved_at": 5.0,
    }


def test_one_that_joined_waits_for_what_the_others_say(certificate: Certificate) -> None:
    assert written(Roster(), certificate, joined=True) == {}


def test_one_that_was_removed_doesnt_come_back(certificate: Certificate) -> None:
    assert written(Roster(revoked=frozenset({certificate.node})), certificate) == {}


@pytest.mark.parametrize(
    ("before", "now"), [("desk", {}), ("Desk", {}), ("desk-2", {}), ("laptop", {"name": "desk"})]
)
def test_another_name_is_noted(
    certificate: Certificate, before: str, now: dict[str, str], tmp_path: Path
) -> None:
    assert written(roster(certificate, before), certificate) == now
