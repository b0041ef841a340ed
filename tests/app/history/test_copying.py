"""The history on two machines: copied once, taken over, put together again after a split, and gone when it is too old."""

from pathlib import Path

import pytest

from corral.app.gateway.audit import AuditEntry
from corral.app.gateway.endpoint import Client
from corral.app.gateway.recording import Outcome
from corral.app.history import copy_wire as wire
from corral.app.openai.responses.store import StoredResponse
from corral.app.store.audit import Audit
from corral.app.store.responses import Responses
from corral.peers.ids import ClusterId, NodeId
from corral.peers.transport.errors import PeerAnswered, PeerUnreachable
from tests.app.history.copies import DAY_S, EVERYTHING, machines, pass_on
from tests.app.history.records import NOW


async def test_the_standby_has_what_the_router_has(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b", "c") as lan:
        await lan["a"].record(1, 2, 3)
        await lan["a"].record(2.5, status=404, outcome=Outcome.REFUSED)
        await lan.settle()
        assert await lan["b"].times() == [3, 2.5, 2, 1] == await lan["a"].times()
        assert await lan["b"].sums() == await lan["a"].sums() != []
        assert await lan["c"].times() == [] and await lan["c"].sums() == []
        here, there = [
            [dict(row) async for rows in lan[name].history.every(EVERYTHING) for row in rows] for name in "ab"
        ]
        assert [{**row, "number": 0} for row in here] == [{**row, "number": 0} for row in there]
        assert "good morning" in there[0]["answer_body"]


async def test_what_is_new_is_copied_and_nothing_twice(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b") as lan:
        await lan.settle()
        for at in range(5):
            await lan["a"].record(at)
            await lan.settle(rounds=1)
        assert await lan["b"].times() == [4, 3, 2, 1, 0]
        assert await lan["b"].sums() == await lan["a"].sums()
        pages = [each for each in lan.asked if each[2] == wire.PAGE_PATH and each[1] == "a"]
        assert len(pages) == 5


async def test_idle_machines_say_nothing(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b", "c") as lan:
        await lan["a"].record(1)
        await lan.settle()
        lan.telling.clear()
        lan.asked.clear()
        await lan.settle()
        assert (lan.telling, lan.asked) == ([], [])


async def test_long_copies_come_in_parts(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b", page_rows=7, part_bytes=2000) as lan:
        await lan["a"].record(*range(50), request_body=b'{"input": "' + b"word " * 100 + b'"}')
        await lan["a"].record(*range(50, 60))
        await lan.settle()
        assert await lan["b"].times() == list(reversed(range(60)))
        assert await lan["b"].sums() == await lan["a"].sums()
        for row in await lan["b"].history.page(EVERYTHING, offset=0, limit=100):
            found = await lan["b"].history.find(row["id"])
            assert found is not None and found["request_body"]
        assert len([each for each in lan.asked if each[2] == wire.BODIES_PATH]) > 10


async def test_an_end_in_the_middle_of_a_page(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b", part_bytes=500) as lan:
        await lan.settle()
        await lan["a"].record(*range(20))
        left = 5

        def break_off(asker: NodeId, body: bytes) -> bytes:
            nonlocal left
            left -= 1
            if left == 0:
                raise PeerUnreachable(NodeId("a"), "the cable is out")
            return body

        lan.interfere = break_off
        with pytest.raises(PeerUnreachable):
            await lan["b"].copier.copy(NodeId("a"))
        begun = await lan["b"].times()
        assert 0 < len(begun) < 20
        lan.interfere = pass_on
        await lan["b"].stop()
        await lan["b"].start()
        await lan.settle()
        assert await lan["b"].times() == await lan["a"].times()
        assert await lan["b"].sums() == await lan["a"].sums()
        found = [
            await lan["b"].history.find(row["id"])
            for row in await lan["b"].history.page(EVERYTHING, offset=0, limit=99)
        ]
        assert all(each is not None and each["answer_body"] for each in found)


async def test_cursors_survive_a_restart(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b") as lan:
        await lan["a"].record(1, 2)
        await lan.settle()
        for name in "ab":
            await lan[name].stop()
            await lan[name].start()
        await lan["a"].record(3)
        answers: list[bytes] = []

        def listen(asker: NodeId, body: bytes) -> bytes:
            answers.extend([body] if asker == "b" else [])
            return body

        lan.interfere = listen
        await lan.settle()
        assert await lan["b"].times() == [3, 2, 1]
        first = wire.decode(answers[0], wire.Page)
        assert [each.started_at - NOW for each in first.requests] == [3]


async def test_whoever_takes_over_has_everything(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b", "c") as lan:
        await lan["a"].record(1, 2)
        await lan.settle()
        lan.split("bc", routers="b")  # a is off
        await lan["b"].record(3)
        await lan.settle()
        assert await lan["b"].times() == [3, 2, 1] == await lan["c"].times()
        assert lan["b"].recounts >= 1
        lan.split("abc", routers="b")
        await lan.settle()
        assert await lan["a"].times() == [2, 1]  # c stays the standby
        assert await lan["b"].times() == [3, 2, 1]


async def test_a_router_that_was_not_the_standby_gets_it_from_the_standby(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b", "c") as lan:
        await lan["a"].record(1, 2)
        await lan.settle()
        lan.split("bc", routers="c")
        await lan.settle()
        assert await lan["c"].times() == [2, 1]
        assert await lan["c"].sums() == await lan["a"].sums()
        await lan["c"].record(3)
        await lan.settle()
        assert await lan["b"].times() == [3, 2, 1]  # and it stays the standby


async def test_the_last_second_comes_when_the_old_router_is_back(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b") as lan:
        await lan["a"].record(1)
        await lan.settle()
        await lan["a"].record(2)  # nobody hears of it
        await lan["a"].stop()
        lan.split("b", routers="b")
        await lan["b"].record(3)
        await lan["a"].start()
        lan.split("ab", routers="b")
        await lan.settle()
        assert await lan["b"].times() == [3, 2, 1] == await lan["a"].times()
        assert await lan["b"].sums() == await lan["a"].sums()


async def test_both_sides_of_a_split_come_together(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b", "c", "d") as lan:
        await lan["a"].record(1)
        await lan.settle()
        lan.split("ad", "bc", routers="ab")
        await lan["a"].record(2, 4, 6)
        await lan["b"].record(3, 5)
        await lan.settle()
        assert await lan["c"].times() == [5, 3, 1]
        lan.split("abcd", routers="a")
        await lan.settle(rounds=6)
        assert await lan["a"].times() == [6, 5, 4, 3, 2, 1]
        sums = await lan["a"].sums()
        assert [row[3:] for row in sums] == [(6, 0, 18)]
        standby = [name for name in "bcd" if await lan[name].times() == [6, 5, 4, 3, 2, 1]]
        assert standby
        assert await lan[standby[0]].sums() == sums


async def test_what_is_too_old_does_not_come_back(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b") as lan:
        await lan["a"].record(-8 * DAY_S, -6 * DAY_S, 0)
        await lan.settle()
        assert await lan["b"].times() == [0, -6 * DAY_S]
        assert await lan["b"].sums() == await lan["a"].sums()  # sums outlive the rows
        for machine in lan.machines.values():
            machine.now = NOW + 2 * DAY_S
        await lan["b"].history.purge(before=NOW - 5 * DAY_S, now=NOW + 2 * DAY_S)
        assert await lan["b"].times() == [0]
        await lan["b"].database.execute("DELETE FROM history_cursors")
        await lan["b"].copier.copy(NodeId("a"))
        assert await lan["b"].times() == [0]
        assert await lan["b"].sums() == await lan["a"].sums()


async def test_numbers_are_not_used_again_when_everything_was_purged(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b") as lan:
        await lan["a"].record(1, 2)
        await lan.settle()
        await lan["a"].history.purge(before=NOW + DAY_S, now=NOW + DAY_S)
        await lan["a"].stop()
        await lan["a"].start()
        await lan["a"].record(3)
        await lan.settle()
        assert await lan["b"].times() == [3, 2, 1]


async def test_a_database_that_was_put_back_says_everything_again(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b") as lan:
        await lan["a"].record(1)
        await lan["a"].stop()
        copy = (tmp_path / "a.db").read_bytes()
        await lan["a"].start()
        await lan["a"].record(2, 3, 4)
        await lan.settle()
        await lan["a"].stop()
        (tmp_path / "a.db").write_bytes(copy)
        await lan["a"].start()
        await lan["a"].record(5, 6, 7, 8)
        await lan.settle()
        assert await lan["b"].times() == [8, 7, 6, 5, 4, 3, 2, 1] == await lan["a"].times()
        assert await lan["a"].sums() == await lan["b"].sums()
        assert [row[3] for row in await lan["b"].sums()] == [8]


async def test_a_machine_that_holds_no_copies(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b", "c", without_copies="b") as lan:
        await lan["a"].record(1)
        await lan.settle()
        assert (await lan["b"].times(), await lan["c"].times()) == ([], [1])
        lan.split("bc", routers="b")
        await lan["b"].record(2)
        await lan.settle()
        assert (await lan["b"].times(), await lan["c"].times()) == ([2], [2, 1])
        lan["b"].holds = True
        await lan.settle()
        assert await lan["b"].times() == [2, 1]


async def test_a_machine_that_keeps_numbers_only(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b", without_texts="b") as lan:
        await lan["a"].record(1, 2)
        await lan.settle()
        assert await lan["b"].times() == [2, 1]
        assert (await lan["b"].database.read("SELECT count(*) FROM request_texts"))[0][0] == 0


async def test_only_the_standby_and_the_router_get_copies(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b", "c") as lan:
        await lan["a"].record(1)
        await lan.settle()
        with pytest.raises(PeerAnswered) as refused:
            await lan["c"].copier.copy(NodeId("a"))
        assert refused.value.status == 403
        with pytest.raises(PeerAnswered):
            await lan["c"].copier.copy(NodeId("b"))


async def test_what_was_asked_in_another_cluster_stays_on_its_machine(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b") as lan:
        await lan["a"].record(1)
        await lan["a"].stop()
        await lan["a"].start(ClusterId("d" * 32))
        await lan["a"].record(2)
        await lan.settle()
        assert (await lan["a"].times(), await lan["b"].times()) == ([2, 1], [2])


async def test_audit_entries_are_on_both(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b") as lan:
        await Audit(lan["a"].database).write(
            AuditEntry(
                at=NOW,
                client=Client(address="::1", principal=None),
                action="Revoke an API key",
                method="DELETE",
                path="/v0/api-keys/k",
                status=200,
                request_id="r",
                details={"name": "phone"},
            )
        )
        await lan.settle()
        here, there = [await Audit(lan[name].database).latest(limit=10) for name in "ab"]
        assert len(here) == 1
        assert [{**dict(row), "number": 0} for row in here] == [{**dict(row), "number": 0} for row in there]


async def test_stored_responses_are_on_both_until_they_are_deleted(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b", "c") as lan:
        stores = {name: Responses(lan[name].database, clock=lambda: NOW) for name in "abc"}
        stored = StoredResponse(
            id="resp_1", created_at=NOW, api_key_id="k", document=b'{"a":1}', input_items=b"[]"
        )
        await stores["a"].put(stored, expires_at=NOW + DAY_S)
        await lan.settle()
        assert await stores["b"].get("resp_1") == stored
        lan.split("bc", routers="b")
        await lan.settle()
        assert await stores["c"].get("resp_1") == stored
        assert await stores["b"].delete("resp_1")
        assert not await stores["b"].delete("resp_1")
        lan.split("abc", routers="a")
        await lan.settle()
        assert [await stores[name].get("resp_1") for name in "ab"] == [None, None]
        lan.split("bc", routers="c")
        await lan.settle()
        assert await stores["c"].get("resp_1") is None
