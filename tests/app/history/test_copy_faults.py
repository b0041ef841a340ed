"""Machines that answer nonsense or lies, full disks: nothing is lost, nothing comes in, and it goes on afterwards."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from corral.app.gateway.recording import Outcome
from corral.app.history import copy_wire as wire
from corral.app.history.copying import AGAIN_S
from corral.app.store.errors import DiskFull
from corral.peers.ids import NodeId
from corral.peers.transport.errors import PeerAnswered
from tests.app.history.copies import DAY_S, EVERYTHING, Lan, machines, pass_on
from tests.app.history.records import NOW
from tests.app.history.wire_values import MESSAGES, golden
from tests.small_disk import SmallDisk

A, B = NodeId("a"), NodeId("b")


@pytest.fixture
async def lan(tmp_path: Path) -> AsyncIterator[Lan]:
    """The router `a` has requests of seconds 1 and 2; the standby `b` has its own of second 0, and knows of the others."""
    async with machines(tmp_path, "a", "b") as lan:
        await lan["b"].record(0)
        await lan.settle()
        await lan["a"].record(1, 2)
        yield lan


def instead(**fields: object) -> Callable[[NodeId, bytes], bytes]:
    """Of each page `b` gets one in which these are other."""

    def changed(asker: NodeId, body: bytes) -> bytes:
        message = msgspec.msgpack.decode(body)
        page = "number" in message and asker == B
        return msgspec.msgpack.encode(message | fields) if page else body

    return changed


@pytest.mark.parametrize(
    "answer",
    [b"", b"\xc1", b"[]", golden("page")[:-3], bytes(wire.MOST_ANSWER_BYTES + 1)],
    ids=["empty", "no msgpack", "JSON", "cut", "too long"],
)
async def test_nonsense(lan: Lan, answer: bytes) -> None:
    lan.interfere = lambda asker, body: answer
    with pytest.raises(wire.BadCopy):
        await lan["b"].copier.copy(A)
    assert await lan["b"].times() == [0]
    lan.interfere = pass_on
    await lan.settle()
    assert await lan["b"].times() == [2, 1, 0]


async def test_a_machine_that_answers_nonsense_is_not_asked_again_at_once(lan: Lan) -> None:
    lan.interfere = lambda asker, body: b"nonsense"
    lan.asked.clear()
    await lan.settle(rounds=10, apart_s=AGAIN_S / 11)
    assert lan.asked.count((B, A, wire.PAGE_PATH)) == 1
    lan.interfere = pass_on
    await lan.settle(rounds=2)
    assert await lan["b"].times() == [2, 1, 0]


@pytest.mark.parametrize(
    "lie",
    [
        instead(requests=[], usage=[], audit=[], responses=[], more=True, log="", number=0),
        instead(number=2**60),
        instead(requests=[{"id": "x", "started_at": NOW, "status": 2**63}]),
    ],
)
async def test_lies_that_are_noticed(lan: Lan, lie: Callable[[NodeId, bytes], bytes]) -> None:
    await lan["b"].database.execute("DELETE FROM history_cursors")
    lan.interfere = lie
    with pytest.raises(wire.BadCopy):
        await lan["b"].copier.copy(A)
    assert await lan["b"].times() == [0]


@pytest.mark.parametrize("done", [0, 3])
async def test_bodies_that_nobody_asked_for(lan: Lan, done: int) -> None:
    def answer(asker: NodeId, body: bytes) -> bytes:
        message = msgspec.msgpack.decode(body)
        return msgspec.msgpack.encode(message | {"done": done}) if "texts" in message else body

    lan.interfere = answer
    with pytest.raises(wire.BadCopy):
        await lan["b"].copier.copy(A)
    assert await lan["b"].times() == [0]


async def test_what_is_here_is_never_changed(lan: Lan) -> None:
    own = (await lan["b"].history.page(EVERYTHING, offset=0, limit=1))[0]
    sums = await lan["b"].database.read("SELECT * FROM usage")
    lie = {name: sums[0][name] for name in wire.UsageRow.__struct_fields__} | {"completion_tokens": 10**9}
    lan.interfere = instead(
        requests=[{"id": own["id"], "started_at": NOW + 9, "path": "/another"}], usage=[lie]
    )
    await lan["b"].copier.copy(A)
    assert await lan["b"].times() == [0]
    assert [tuple(row) for row in await lan["b"].database.read("SELECT * FROM usage")] == [
        tuple(row) for row in sums
    ]


async def test_what_comes_from_the_future_stays_away(lan: Lan) -> None:
    later = NOW + 2 * DAY_S
    lan.interfere = instead(
        requests=[{"id": "x", "started_at": later}],
        usage=[{"hour": int(later), "log": "l", "requests": 1}],
        audit=[{"id": "x", "at": later}],
        responses=[{"id": "x", "created_at": later, "expires_at": later + 1}],
    )
    before = await lan["b"].sums()
    await lan["b"].copier.copy(A)
    assert (await lan["b"].times(), await lan["b"].sums()) == ([0], before)
    for table in ("audit", "responses"):
        assert (await lan["b"].database.read(f"SELECT count(*) FROM {table}"))[0][0] == 0


@pytest.mark.parametrize("name", MESSAGES)
async def test_asking_nonsense(lan: Lan, name: str) -> None:
    for path in (wire.PAGE_PATH, wire.BODIES_PATH):
        with pytest.raises(PeerAnswered) as refused:
            await lan["b"].fetch(A, path, golden(name)[:-1])
        assert refused.value.status == 400


def test_telling_nonsense_is_survived(lan: Lan) -> None:
    lan["b"].copying.told(A, b"nonsense")
    lan["b"].copying.told(A, golden("told"))
    lan["b"].copying.keep_only([B])


async def test_more_strangers_than_rows(lan: Lan) -> None:
    await lan["a"].record(*([5.5] * 100), who=None, status=401, outcome=Outcome.REFUSED)
    await lan.settle()
    assert len(await lan["b"].times()) == 23
    assert await lan["a"].sums() == await lan["b"].sums()
    assert sum(row[4] for row in await lan["b"].sums()) == 100


async def test_a_full_disk_loses_nothing(small_disk: SmallDisk) -> None:
    async with machines(small_disk.folder, "a", "b") as lan:
        await lan.settle()
        words = b'{"input": "' + b" ".join(b"%d" % number for number in range(30_000)) + b'"}'
        await lan["a"].record(1, 2, request_body=words)
        small_disk.fill()
        with pytest.raises(DiskFull):
            await lan["b"].copier.copy(A)
        assert await lan["b"].times() == []
        assert not await lan["b"].copying.copy()
        small_disk.make_room()
        await lan["b"].copier.copy(A)
        assert await lan["b"].times() == [2, 1] and await lan["b"].sums() == await lan["a"].sums()


async def test_the_database_says_which_rows_it_refuses(lan: Lan) -> None:
    """The wire lets nothing through that the tables don't take."""
    rows = await lan["b"].database.read("SELECT name FROM pragma_table_info('requests') WHERE \"notnull\"")
    must = {row["name"] for row in rows} - {"number"}
    least = wire.RequestRow(id="x", started_at=NOW)
    assert [name for name in must if getattr(least, name) is None] == []
    with pytest.raises(sqlite3.IntegrityError):
        await lan["b"].database.execute("INSERT INTO requests (id) VALUES ('x')")
