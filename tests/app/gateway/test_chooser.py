"""The gateway with several endpoints: who is asked, what is remembered, who waits where."""

import asyncio

import pytest
from msgspec import structs

from corral.app.gateway.choice import Mode
from corral.app.gateway.endpoint import EndpointId
from corral.app.gateway.errors import NoCapableEndpoint
from corral.app.gateway.pace import Pace
from corral.app.gateway.standing import Machine, Reported
from corral.engines.errors import ModelNotFound, WorkerCrashed
from corral.engines.events import Done, Event, Started, TextDelta
from corral.engines.model import ModelStatus
from tests.app.gateway.machines import Machines
from tests.app.gateway.scripted import ANSWER, MODEL, chat, status
from tests.engines.waiting import until

LONG = "a long system prompt " * 500


async def test_a_conversation_stays_where_it_was() -> None:
    there = Machines("a", "b", "c")
    first = await there.ask(LONG)
    others = [await there.ask(text) for text in ("hi", "hello")]
    assert len({first, *others}) == 3  # equals take turns
    for turn in range(4):
        assert await there.ask(LONG + "and then " * turn * 100) == first


def found(cached_tokens: int) -> tuple[Event, ...]:
    """An answer to a prompt of 3,000 tokens of which so many were cached."""
    counts = {"prompt_tokens": 3000, "cached_tokens": cached_tokens}
    return Started(**counts), TextDelta(index=0, text="a"), Done(**counts, completion_tokens=1)


async def test_a_machine_that_drops_what_it_read_is_a_machine_like_others() -> None:
    there = Machines("a", "b", script=found(2900))
    first = await there.ask(LONG)
    assert [await there.ask(LONG) for _ in range(3)] == [first] * 3
    there.pools["a"].script = there.pools["b"].script = found(0)
    assert await there.ask(LONG) == first
    assert await there.ask(LONG) != first


async def test_a_new_router_knows_from_reports_who_has_a_prefix() -> None:
    old, new = Machines("a", "b"), Machines("a", "b")
    await old.ask("x")
    assert await old.ask(LONG) == "b"
    known = old.experience.prefixes.newest((EndpointId("b"), MODEL), 64)
    new.reported["b"] = Reported(prefixes=known)
    assert [await new.ask(LONG) for _ in range(3)] == ["b", "b", "b"]


async def test_the_faster_one_is_asked() -> None:
    there = Machines("a", "b")
    there.reported["a"], there.reported["b"] = (
        Reported(pace=Pace(decode=5.0)),
        Reported(pace=Pace(decode=50.0)),
    )
    assert [await there.ask() for _ in range(3)] == ["b"] * 3


async def test_where_it_is_loaded() -> None:
    there = Machines("a", "b")
    there.models["a"] = status(MODEL)
    assert [await there.ask() for _ in range(3)] == ["b"] * 3


async def test_one_that_has_it_on_disk_only() -> None:
    there = Machines("a", "b")
    there.models["a"] = status("other")
    there.models["b"] = status(MODEL)
    assert await there.ask() == "b"


async def test_one_that_failed_is_asked_last_for_a_while() -> None:
    there = Machines("a", "b")
    there.pools["a"].script = [WorkerCrashed("gone")]
    assert [await there.ask() for _ in range(4)] == ["b"] * 4
    assert len(there.pools["a"].asked) == 1
    there.pools["a"].script = ANSWER
    there.clock.now += 300.0
    assert {await there.ask() for _ in range(2)} == {"a", "b"}


async def test_one_that_failed_later_too() -> None:
    there = Machines("a", "b")
    there.pools["a"].script = [*ANSWER[:2], WorkerCrashed("gone")]
    assert [await there.ask() for _ in range(4)] == ["a", "b", "b", "b"]


async def test_failing_is_no_reason_when_it_was_the_request() -> None:
    there = Machines("a")
    there.pools["a"].script = [ModelNotFound("gone meanwhile")]
    with pytest.raises(ModelNotFound):
        await there.ask()
    assert len(there.experience.failures) == 0


async def test_round_robin() -> None:
    there = Machines("a", "b", "c", mode=Mode.ROUND_ROBIN)
    there.models["a"] = status(MODEL)
    assert [await there.ask() for _ in range(4)] == ["a", "b", "c", "a"]


async def test_metrics() -> None:
    there = Machines("a", "b", mode=Mode.METRICS)
    there.machines["a"] = Machine(cpu_percent=50.0, read_at=there.clock.now)
    there.machines["b"] = Machine(cpu_percent=20.0, read_at=there.clock.now)
    assert [await there.ask() for _ in range(2)] == ["b", "b"]
    there.clock.now += 121.0
    assert {await there.ask() for _ in range(2)} == {"a", "b"}


async def test_offline_ones_are_not_asked() -> None:
    there = Machines("a", "b")
    there.machines["a"] = Machine(online=False)
    assert [await there.ask() for _ in range(2)] == ["b", "b"]
    assert [model["nodes"] for model in there.gateway.models()] == [["b"]]
    there.machines["b"] = Machine(online=False)
    with pytest.raises(NoCapableEndpoint):
        await there.ask()
    assert there.gateway.models() == []


async def test_a_model_that_nobody_lists_is_looked_for_here_only() -> None:
    there = Machines("a", "b")
    there.machines["b"] = Machine(local=True)
    for pool in there.pools.values():
        pool.script = [ModelNotFound("no such model")]
    with pytest.raises(ModelNotFound):
        await there.gateway.forward(chat(stream=True, model="unheard-of"))
    assert [len(there.pools[name].asked) for name in "ab"] == [0, 1]


async def test_requests_wait_for_all_and_take_the_first_slot() -> None:
    gates = {name: asyncio.Event() for name in "ab"}
    there = Machines("a", "b")
    for name, pool in there.pools.items():
        pool.script = [ANSWER[0], gates[name], *ANSWER[1:]]
    asked = [asyncio.create_task(there.ask()) for _ in range(6)]
    await until(lambda: (there.admission.running, there.admission.waiting) == (4, 2), "all slots are taken")
    gates["b"].set()
    await until(lambda: sum(task.done() for task in asked) == 4, "b answers its own and those that waited")
    gates["a"].set()
    assert sorted(await asyncio.gather(*asked)) == ["a", "a", "b", "b", "b", "b"]


async def test_waiting_for_a_loaded_model_beats_loading_it_elsewhere() -> None:
    gate = asyncio.Event()
    there = Machines("a", "b")
    there.pools["a"].script = [ANSWER[0], gate, *ANSWER[1:]]
    large = status(MODEL)
    there.models["b"] = replace_size(large, 40 * 2**30)
    asked = [asyncio.create_task(there.ask(max_tokens=10)) for _ in range(3)]
    await until(lambda: (there.admission.running, there.admission.waiting) == (2, 1), "the third one waits")
    assert there.pools["b"].asked == []
    gate.set()
    assert await asyncio.gather(*asked) == ["a"] * 3


def replace_size(found: ModelStatus, size_bytes: int) -> ModelStatus:
    return structs.replace(found, file=structs.replace(found.file, size_bytes=size_bytes))


async def test_a_name_that_could_break_a_header() -> None:
    there = Machines("a\r\nx: é")
    assert await there.ask() == "a??x: ?"


async def test_round_robin_among_very_many() -> None:
    names = [f"e{number}" for number in range(90)]
    there = Machines(*names, mode=Mode.ROUND_ROBIN)
    assert [await there.ask() for _ in range(95)] == [*names, *names[:5]]
