"""What goes over the wire: the same bytes as ever, and nothing else gets in."""

from pathlib import Path

import msgspec
import pytest

from corral.peers.ids import NodeId
from corral.peers.replication import messages
from corral.peers.replication.cell import Cell
from corral.peers.replication.clock import stamp_of
from corral.peers.replication.errors import MalformedMessage
from corral.peers.replication.messages import (
    MOST_BYTES,
    MOST_CELLS,
    Answer,
    Compare,
    Digests,
    Page,
    Pull,
    Push,
    Request,
    Stored,
    Summary,
    decode_answer,
    decode_request,
    decode_summary,
    encode,
)
from corral.peers.replication.storage import Cursor

GOLDEN = Path(__file__).parent / "golden"  # one folder for each version: what its members send

PAGE = Page(
    log="5f0c",
    after=40,
    upto=42,
    cells=(
        Cell("users", "u1", "role", '"admin"', stamp_of(1_700_000_000_000, 3, NodeId("NODE"))),
        Cell("api_keys", "k1", "revoked_at", "1700000000.5", stamp_of(1_700_000_000_001, 0, NodeId("NODE"))),
    ),
    more=True,
)
MESSAGES: dict[str, Summary | Request | Answer] = {
    "summary": Summary(log="5f0c", last=42, digest="0" * 31 + "7", wall_ms=1_700_000_000_000),
    "pull": Pull(since=Cursor("5f0c", 40), tables=("users",), limit=100),
    "push": Push(page=PAGE),
    "compare": Compare(),
    "page": PAGE,
    "stored": Stored(log="5f0c", after=40, upto=42, refused=1),
    "digests": Digests(log="5f0c", last=42, tables={"users": "f" * 32}),
}


def read(body: bytes) -> Summary | Request | Answer:
    kind = msgspec.json.decode(body)["kind"]
    if kind == "summary":
        return decode_summary(body)
    return decode_request(body) if kind in ("pull", "push", "compare") else decode_answer(body)


@pytest.mark.parametrize("name", MESSAGES)
def test_what_every_version_sent_is_understood(name: str) -> None:
    versions = sorted(GOLDEN.iterdir())
    assert [each.name for each in versions] == [f"v{n}" for n in range(1, messages.VERSION + 1)]
    for version in versions:
        assert read((version / f"{name}.json").read_bytes().strip()) == MESSAGES[name]


@pytest.mark.parametrize("name", MESSAGES)
def test_what_this_version_sends(name: str) -> None:
    golden = GOLDEN / f"v{messages.VERSION}" / f"{name}.json"
    assert encode(MESSAGES[name]) == golden.read_bytes().strip()


def test_unknown_fields_are_ignored_and_missing_ones_have_defaults() -> None:
    assert decode_request(b'{"kind": "pull", "since": ["x", 1, "later"], "version": 2, "new": [1]}') == Pull(
        since=Cursor("x", 1), version=2
    )
    row = '["users", "u1", "role", "1", "s", {"later": 1}]'
    page = f'{{"kind": "page", "log": "x", "after": 0, "upto": 1, "cells": [{row}]}}'
    assert isinstance(decode_answer(page.encode()), Page)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"kind": "drop"}',
        b'{"kind": "page", "log": "x", "after": 0, "upto": 1, "cells": []}',  # no request
        b'{"kind": "pull", "since": ["x", -1]}',
        b'{"kind": "pull", "since": ["x", 1e30]}',
        b'{"kind": "pull", "since": ["x", 100000000000000000000000]}',
        b'{"kind": "pull", "since": ["", 1]}',
        b'{"kind": "pull", "since": ["x", 1], "limit": 0}',
        b'{"kind": "pull", "since": ["x", 1], "tables": ["' + b"x" * 65 + b'"]}',
        b'{"kind": "pull", "since": ["x", 1], "limit": true}',
        b'{"kind": "push", "page": {"log": "x", "after": 0, "upto": 1, "cells": [["users", "u", "name", 5, "s"]]}}',
        b'{"kind": "push", "page": {"log": "x", "after": 0, "upto": 1, "cells": [["users", "u"]]}}',
        b'{"kind": "pull", "later": ' + b"[" * 200_000 + b"]" * 200_000 + b', "since": ["x", 1]}',
    ],
    ids=lambda body: body[:80].decode(errors="replace"),
)
def test_what_is_no_request(body: bytes) -> None:
    with pytest.raises(MalformedMessage, match="Not a replication message"):
        decode_request(body)


def test_nothing_too_large_is_read() -> None:
    with pytest.raises(MalformedMessage, match="bytes, more than"):
        decode_request(b" " * (MOST_BYTES + 1))
    row = b'["t","i","c","1","s"],'
    cells = (row * (MOST_CELLS + 1)).rstrip(b",")
    with pytest.raises(MalformedMessage, match="length"):
        decode_answer(b'{"kind":"page","log":"x","after":0,"upto":1,"cells":[' + cells + b"]}")
    with pytest.raises(MalformedMessage):
        decode_answer(b'{"kind":"digests","log":"x","last":1,"tables":{"users":"0"}}')
