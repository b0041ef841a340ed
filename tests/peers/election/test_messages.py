"""What goes over the wire: the same bytes as ever, and nothing else gets in."""

from pathlib import Path

import pytest

from corral.peers.election import messages
from corral.peers.election.errors import MalformedMessage
from corral.peers.election.messages import (
    ALIVE,
    MOST_BYTES,
    MOST_TERM,
    Beat,
    Claim,
    ClaimRef,
    Deny,
    Elect,
    Message,
    Sighting,
    Takeover,
    decode,
    encode,
)
from corral.peers.ids import NodeId

GOLDEN = Path(__file__).parent / "golden"  # one folder for each version: what its members send

REF = ClaimRef(7, NodeId("ROUTER"))
MESSAGES: dict[str, Message] = {
    "beat": Beat(
        boot=1234567890123456,
        number=42,
        prio=50,
        pinned=True,
        eligible=False,
        max_term=8,
        follows=REF,
        claims=(Sighting(Claim(REF, 99, 3, 100, True, (ClaimRef(6, NodeId("OTHER")),)), 120),),
        refused=REF,
        wants=True,
        pace_ms=2000,
    ),
    "quiet_beat": Beat(
        boot=1, number=2, prio=50, max_term=7, follows=REF, claims=(Sighting(Claim(REF, 99), 5),)
    ),
    "elect": Elect(term=9, prio=50, pinned=True, refused=REF),
    "deny": Deny(term=9, why=ALIVE),
    "takeover": Takeover(claim=REF),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_what_every_version_sent_is_understood(name: str) -> None:
    versions = sorted(GOLDEN.iterdir())
    assert [each.name for each in versions] == [f"v{n}" for n in range(1, messages.VERSION + 1)]
    for version in versions:
        assert decode((version / f"{name}.json").read_bytes().strip()) == MESSAGES[name]


@pytest.mark.parametrize("name", MESSAGES)
def test_what_this_version_sends(name: str) -> None:
    golden = GOLDEN / f"v{messages.VERSION}" / f"{name}.json"
    assert encode(MESSAGES[name]) == golden.read_bytes().strip()


def test_unknown_fields_are_ignored_and_missing_ones_have_defaults() -> None:
    assert decode(b'{"kind": "elect", "term": 4, "version": 2, "new": [1]}') == Elect(term=4, version=2)
    assert decode(b'{"kind": "beat"}') == Beat()
    later = b'{"kind": "beat", "claims": [[[[7, "ROUTER", 0], 99, 0, 0, false, [], "later"], 5, 0]]}'
    assert decode(later) == Beat(claims=(Sighting(Claim(REF, 99), 5),))
    assert decode(b'{"kind": "deny", "term": 1, "why": "tired"}') == Deny(term=1, why="tired")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"kind": "drop"}',
        b'{"kind": "elect"}',
        b'{"kind": "elect", "term": -1}',
        b'{"kind": "elect", "term": 1.5}',
        b'{"kind": "elect", "term": true}',
        b'{"kind": "elect", "term": %d}' % (MOST_TERM + 1),
        b'{"kind": "elect", "term": 1, "prio": 10001}',
        b'{"kind": "takeover", "claim": [1, ""]}',
        b'{"kind": "takeover", "claim": [1, "%s"]}' % (b"x" * 65),
        b'{"kind": "takeover", "claim": [1]}',
        b'{"kind": "deny", "term": 1, "why": "%s"}' % (b"x" * 17),
        b'{"kind": "beat", "claims": [[[[1, "A"], 1], -1]]}',
        b'{"kind": "beat", "claims": [[[[1, "A"], 1], 1e30]]}',
        b'{"kind": "beat", "claims": [%s]}' % b",".join([b'[[[1, "A"], 1], 0]'] * 7),
        b'{"kind": "beat", "claims": [[[[1, "A"], 1, 0, 0, false, [%s]], 0]]}' % b",".join([b'[1, "A"]'] * 9),
        b'{"kind": "beat", "later": ' + b"[" * 7_000 + b"]" * 7_000 + b"}",
        b" " * (MOST_BYTES + 1),
    ],
    ids=lambda body: body[:80].decode(errors="replace"),
)
def test_what_is_no_message(body: bytes) -> None:
    with pytest.raises(MalformedMessage, match="Not an election message"):
        decode(body)
