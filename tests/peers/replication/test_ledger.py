"""Ledgers in one process: what one writes is on the others, and nothing is lost or undone."""

import asyncio
import shutil
import sqlite3
import stat
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

import pytest

from corral.peers.ids import NodeId
from corral.peers.replication.catching_up import Timing
from corral.peers.replication.edit import Edit
from corral.peers.replication.errors import (
    LedgerDamaged,
    LedgerError,
    LedgerFull,
    LedgerTooNew,
    MalformedMessage,
    OnlyGrows,
    RowDeleted,
    WrongEdit,
)
from corral.peers.replication.ledger import Ledger, open_ledger
from corral.peers.replication.ledger_file import VERSION
from corral.peers.replication.messages import Summary
from tests.engines.waiting import until
from tests.peers.replication.ledgers import cluster
from tests.small_disk import SmallDisk

A, B = NodeId("a"), NodeId("b")


def setting(name: str, value: object) -> Edit:
    return Edit("settings", name, {"value": value})


def user(id: str, name: str) -> Edit:
    return Edit("users", id, {"username": name, "password_hash": "x", "role": "admin", "created_at": 1.0})


async def settings(ledger: Ledger) -> dict[str, object]:
    return {row.id: row.values["value"] for row in (await ledger.rows("settings")).rows}


async def nobody(to: NodeId, body: bytes) -> bytes:
    raise AssertionError(f"nothing should be sent to {to}")


async def alone(path: Path) -> Ledger:
    return await open_ledger(path, A, send=nobody)


async def test_a_lone_machine_keeps_what_it_wrote_in_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "cluster.db"
    ledger = await alone(path)
    outcome = await ledger.write([setting("a", 1), setting("b", [2])])
    assert not outcome.replicated
    await ledger.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.with_name("cluster.db-wal").exists()
    ledger = await alone(path)
    assert await settings(ledger) == {"a": 1, "b": [2]}
    row = await ledger.row("settings", "b")
    assert row is not None and row.values == {"value": [2]}
    assert await ledger.row("settings", "c") is None
    assert not ledger.joined
    await ledger.close()


async def test_what_the_rules_forbid_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    ledger = await alone(tmp_path / "cluster.db")
    await ledger.write([Edit("recent_revoked_sessions", "s", {"revoked_at": 5}), user("u", "ada")])
    await ledger.write([Edit.delete("users", "u")])
    before = ledger.summary().digest
    for wrong, error in (
        (Edit("settings", "a", {"colour": 1}), WrongEdit),
        (Edit("recent_revoked_sessions", "s", {"revoked_at": 4}), OnlyGrows),
        (user("u", "ada"), RowDeleted),
    ):
        with pytest.raises(error):
            await ledger.write([setting("b", 1), wrong])
    assert ledger.summary().digest == before
    await ledger.close()


async def test_a_write_is_on_the_others_when_it_returns(tmp_path: Path) -> None:
    async with cluster(tmp_path, "a", "b") as both:
        outcome = await both.ledgers[A].write([setting("x", 1)])
        assert outcome.replicated
        assert await settings(both.ledgers[B]) == {"x": 1}
        assert both.equal()


async def test_a_member_that_does_not_answer_is_waited_for_and_the_write_is_kept(tmp_path: Path) -> None:
    async with cluster(tmp_path, "a", timing=Timing(patience_s=0.01)) as lonely:
        ledger = lonely.ledgers[A]
        ledger.set_live([B])
        assert not (await ledger.write([setting("x", 1)])).replicated
        assert await settings(ledger) == {"x": 1}


class Watcher:
    """Notes which rows of a table it was told of."""

    def __init__(self) -> None:
        self.told: list[list[str]] = []

    def __call__(self, ids: Collection[str]) -> None:
        self.told.append(sorted(ids))


async def test_views_and_subscribers_know_before_the_write_returns(tmp_path: Path) -> None:
    async with cluster(tmp_path, "a", "b") as both:
        here, there = both.ledgers[A], both.ledgers[B]
        await here.write([user("u1", "ada")])
        watchers = [Watcher(), Watcher()]
        views = [
            await each.view("users", watcher) for each, watcher in zip((here, there), watchers, strict=True)
        ]
        changes: list[frozenset[tuple[str, str]]] = []
        end = there.subscribe(changes.append)
        await here.write([user("u2", "bob"), setting("x", 1)])
        assert [sorted(view.rows) for view in views] == [["u1", "u2"]] * 2
        assert [watcher.told for watcher in watchers] == [[["u1"], ["u2"]]] * 2
        await there.write([Edit("users", "u1", {"username": "countess"})])
        await there.write([Edit.delete("users", "u2")])
        assert [[row.values["username"] for row in view.rows.values()] for view in views] == [
            ["countess"]
        ] * 2
        assert changes == [
            frozenset({("users", "u2"), ("settings", "x")}),
            frozenset({("users", "u1")}),
            frozenset({("users", "u2")}),
        ]
        end()
        await here.write([setting("x", 2)])
        assert len(changes) == 3


async def test_many_rows_at_once_come_to_views_too(tmp_path: Path) -> None:
    async with cluster(tmp_path, "a", "b") as both:
        view = await both.ledgers[B].view("settings")
        await both.ledgers[A].write([setting(f"s{number}", number) for number in range(900)])
        assert len(view.rows) == 900


async def test_a_view_that_fails_does_not_keep_the_others_from_knowing(tmp_path: Path) -> None:
    ledger = await alone(tmp_path / "cluster.db")

    def broken(_: object) -> None:
        raise ZeroDivisionError

    changes: list[object] = []
    await ledger.view("settings", broken)
    ledger.subscribe(broken)
    ledger.subscribe(changes.append)
    await ledger.write([setting("x", 1)])
    assert changes == [frozenset({("settings", "x")})]
    await ledger.close()


async def test_a_cancelled_write_is_known_if_it_was_stored(tmp_path: Path) -> None:
    async with cluster(tmp_path, "a", "b") as both:
        ledger = both.ledgers[A]
        view = await ledger.view("settings")
        for number in range(20):
            writing = asyncio.create_task(ledger.write([setting(f"s{number}", 1)]))
            for _ in range(number % 5):
                await asyncio.sleep(0)
            writing.cancel()
            await asyncio.wait([writing])
        assert set(await settings(ledger)) == set(view.rows)
        await both.until_equal()


async def test_two_sides_of_a_split_come_together(tmp_path: Path) -> None:
    async with cluster(tmp_path, "a", "b", "c") as three:
        here, there = three.ledgers[A], three.ledgers[B]
        await here.write([setting("x", 0)])
        await three.until_equal()
        three.cut("a")
        assert not (await here.write([setting("x", "here"), user("u1", "Ada")])).replicated
        assert (await there.write([setting("y", "there"), user("u2", "ada")])).replicated
        three.heal()
        await three.until_equal()
        for each in three.ledgers.values():
            assert await settings(each) == {"x": "here", "y": "there"}
            names = {row.id: row.values["username"] for row in (await each.rows("users")).rows}
            assert names == {"u1": "Ada", "u2": "ada-2"}
        three.sent.clear()
        for _ in range(5):
            three.beat()
            await asyncio.sleep(0)
        await here.row("settings", "x")
        assert three.sent == []  # nobody has anything to ask


async def test_a_member_that_was_away_catches_up_from_its_own_file(tmp_path: Path) -> None:
    async with cluster(tmp_path, "a", "b") as both:
        await both.ledgers[A].write([setting(f"s{number}", number) for number in range(500)])
        await both.until_equal()
        await both.stop("b")
        await both.ledgers[A].write([setting("new", 1)])
        both.sent.clear()
        again = await both.start("b")
        await both.until_equal()
        assert len(await settings(again)) == 501
        assert (
            sum(len(body) for _, _, body in both.sent) < 2_000
        )  # the log kept its name: no table was read again


async def test_a_crash_loses_nothing_that_was_written(tmp_path: Path) -> None:
    async with cluster(tmp_path, "a", "b") as both:
        await both.ledgers[A].write([setting("x", 1)])
        await both.ledgers[A].write([setting("y", 1)])
        for ending in ("", "-wal"):  # what a killed process leaves
            shutil.copy(tmp_path / f"a.db{ending}", tmp_path / f"crashed.db{ending}")
        await both.ledgers[B].write([setting("z", 1)])
        await both.stop("a")
        crashed = await both.start("a", tmp_path / "crashed.db")
        assert await settings(crashed) == {"x": 1, "y": 1}
        await both.until_equal()
        assert await settings(crashed) == {"x": 1, "y": 1, "z": 1}


async def test_a_newcomer_begins_anew_and_gets_everything(tmp_path: Path) -> None:
    async with cluster(tmp_path, "a", "b", timing=Timing(patience_s=2.0)) as both:
        both.cut("b")
        newcomer = both.ledgers[B]
        watcher = Watcher()
        view = await newcomer.view("settings", watcher)
        await newcomer.write([setting("own", 1)])
        await both.ledgers[A].write([setting("theirs", 1)])
        await newcomer.reset()
        assert (newcomer.joined, dict(view.rows), watcher.told) == (True, {}, [["own"], ["own"]])
        both.heal()
        await both.until_equal()
        assert [await settings(each) for each in both.ledgers.values()] == [{"theirs": 1}] * 2
        assert set(view.rows) == {"theirs"}
        await both.stop("b")
        with closing(sqlite3.connect(tmp_path / "b.db.1.backup")) as old:
            assert old.execute("SELECT id FROM replicated_cells").fetchall() == [("own",)]
        again = await both.start("b")
        assert again.joined
        await again.reset(joined=False)
        assert not again.joined
        assert (tmp_path / "b.db.2.backup").exists()


async def test_a_removed_member_is_told_nothing_more(tmp_path: Path) -> None:
    async with cluster(tmp_path, "a", "b") as both:
        ledger = both.ledgers[A]
        both.beat()
        ledger.forget(B)
        both.sent.clear()
        assert not (await ledger.write([setting("x", 1)])).replicated
        assert both.sent == []
        assert ledger.skew_s(B) == 0.0


async def test_a_summary_tells_how_far_a_clock_is_ahead(tmp_path: Path) -> None:
    ledger = await alone(tmp_path / "cluster.db")
    own = ledger.summary()
    ledger.hear(B, Summary(log="x", last=1, digest=own.digest, wall_ms=own.wall_ms + 90_000))
    assert 80 < ledger.skew_s(B) <= 90
    await ledger.close()


async def test_what_is_no_message_is_refused(tmp_path: Path) -> None:
    ledger = await alone(tmp_path / "cluster.db")
    with pytest.raises(MalformedMessage):
        await ledger.answer(B, b'{"kind": "pull"')
    assert await settings(ledger) == {}
    await ledger.close()


async def test_a_member_that_answers_nonsense_is_asked_again_and_hurts_nobody(tmp_path: Path) -> None:
    asked: list[bytes] = []

    async def send(to: NodeId, body: bytes) -> bytes:
        asked.append(body)
        return b"nonsense"

    ledger = await open_ledger(tmp_path / "cluster.db", A, send=send, timing=Timing(patience_s=0.01))
    running = asyncio.create_task(ledger.run())
    ledger.set_live([B])
    ledger.hear(B, Summary(log="x", last=1, digest="0" * 31 + "1", wall_ms=1))
    await until(lambda: len(asked) >= 2, "it asks again")
    assert not (await ledger.write([setting("x", 1)])).replicated
    running.cancel()
    await asyncio.wait([running])
    assert await settings(ledger) == {"x": 1}
    await ledger.close()


async def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cluster.db"
    path.write_text("no ledger at all\n" * 1000)
    with pytest.raises(LedgerDamaged, match=r"cluster\.db.*damaged"):
        await alone(path)
    assert path.read_text().startswith("no ledger")


async def test_damage_is_found_after_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "cluster.db"
    ledger = await alone(path)
    await ledger.write([setting(f"s{number}", "x" * 200) for number in range(900)])
    await ledger.close()
    content = bytearray(path.read_bytes())
    content[40_960:] = b"\xff" * len(content[40_960:])
    path.write_bytes(content)
    path.with_name("cluster.db-wal").touch()
    with pytest.raises(LedgerDamaged):
        await alone(path)


async def test_a_file_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "cluster.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(LedgerTooNew, match="newer"):
        await alone(path)
    assert path.read_bytes() == before


async def test_a_folder_that_is_not_there_is_no_place_for_it(tmp_path: Path) -> None:
    with pytest.raises(LedgerError):
        await alone(tmp_path / "none" / "cluster.db")


async def test_a_full_disk_refuses_writes_and_keeps_the_rest_going(small_disk: SmallDisk) -> None:
    async with cluster(small_disk.folder, "a", "b", timing=Timing(patience_s=0.01, retry_s=0.1)) as both:
        here, there = both.ledgers[A], both.ledgers[B]
        view = await here.view("settings")
        await here.write([setting("before", 1)])
        small_disk.fill()
        with pytest.raises(LedgerFull, match="make room"):
            for number in range(1000):  # the first ones may find room in a page
                await here.write([setting(f"s{number}", "x" * 60_000)])
        assert await settings(here) == {row.id: row.values["value"] for row in view.rows.values()}
        both.beat()
        small_disk.make_room()
        assert await here.write([setting("after", 1)])
        await both.until_equal()
        assert (await settings(there))["after"] == 1
