"""Who is asked when endpoints fail: the next one, and the failing one not before it may be well again."""

import asyncio

import pytest

from corral.app.gateway.breakers import FIRST_REST_S, Circuit
from corral.app.gateway.choice import Mode
from corral.app.gateway.endpoint import EndpointId
from corral.engines.errors import (
    EngineError,
    InsufficientMemory,
    InvalidRequest,
    ModelBroken,
    QueueFull,
    WorkerCrashed,
)
from tests.app.gateway.machines import Machines
from tests.app.gateway.scripted import ANSWER, MODEL
from tests.engines.waiting import until

A = EndpointId("a")


def asked(there: Machines) -> list[int]:
    return [len(pool.asked) for pool in there.pools.values()]


def circuit(there: Machines) -> Circuit:
    return there.experience.breakers.circuit(A, now=there.clock.now)


def failing(there: Machines, *names: str, error: EngineError | None = None) -> None:
    for name in names:
        there.pools[name].script = [error or WorkerCrashed("gone")]


async def opened() -> Machines:
    """Endpoint `a` has failed until its breaker opened."""
    there = Machines("a", "b", "c", mode=Mode.ROUND_ROBIN)
    failing(there, "a")
    while circuit(there) is not Circuit.OPEN:
        await there.ask()
    return there


async def test_an_open_breaker_keeps_requests_away_until_a_trial_succeeds() -> None:
    there = await opened()
    assert len(there.pools["a"].asked) == 3
    assert {await there.ask() for _ in range(9)} == {"b", "c"}
    assert len(there.pools["a"].asked) == 3
    there.clock.now += FIRST_REST_S
    assert [await there.ask() for _ in range(6)].count("a") == 0
    assert len(there.pools["a"].asked) == 4  # one trial
    there.clock.now += 2 * FIRST_REST_S
    there.pools["a"].script = ANSWER
    assert [await there.ask() for _ in range(6)].count("a") == 2


async def test_one_trial_at_a_time() -> None:
    there = await opened()
    gate = asyncio.Event()
    there.pools["a"].script = [gate, *ANSWER]
    there.clock.now += FIRST_REST_S
    asking = [asyncio.create_task(there.ask()) for _ in range(6)]
    await until(lambda: sum(task.done() for task in asking) == 5, "the others are answered elsewhere")
    assert len(there.pools["a"].asked) == 4
    gate.set()
    assert (await asyncio.gather(*asking)).count("a") == 1
    assert circuit(there) is Circuit.CLOSED


async def test_a_client_that_leaves_decides_no_trial() -> None:
    there = await opened()
    there.pools["a"].script = [asyncio.Event()]
    there.clock.now += FIRST_REST_S
    asking = [asyncio.create_task(there.ask()) for _ in range(3)]
    await until(lambda: len(there.pools["a"].asked) == 4, "it is on trial")
    assert circuit(there) is Circuit.OPEN
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    assert circuit(there) is Circuit.HALF_OPEN


async def test_a_wrong_request_decides_no_trial() -> None:
    there = await opened()
    failing(there, "a", "b", "c", error=InvalidRequest("wrong"))
    there.clock.now += 100.0
    for _ in range(6):
        with pytest.raises(InvalidRequest):
            await there.ask()
    assert circuit(there) is Circuit.HALF_OPEN


@pytest.mark.parametrize("mode", Mode)
async def test_all_breakers_open_and_still_every_request_is_tried(mode: Mode) -> None:
    there = Machines("a", "b", mode=mode)
    failing(there, "a", "b")
    for _ in range(5):
        with pytest.raises(WorkerCrashed):
            await there.ask()
    assert asked(there) == [5, 5]
    failing(there, "a", "b", error=WorkerCrashed("gone"))
    there.pools["b"].script = ANSWER
    assert await there.ask() == "b"


async def test_two_breakers_open_and_the_third_is_left() -> None:
    there = Machines("a", "b", "c", mode=Mode.ROUND_ROBIN)
    failing(there, "a", "b")
    assert [await there.ask() for _ in range(30)] == ["c"] * 30
    assert asked(there) == [3, 3, 30]


@pytest.mark.parametrize("mode", Mode)
async def test_busy_ones_are_well(mode: Mode) -> None:
    there = Machines(*"abcdef", mode=mode)
    failing(there, *"abcde", error=QueueFull("full"))
    assert [await there.ask() for _ in range(9)] == ["f"] * 9  # they are no failed attempts
    assert {
        there.experience.breakers.circuit(EndpointId(name), now=there.clock.now) for name in "abcdef"
    } == {Circuit.CLOSED}
    assert there.experience.failures.last(A) is None


async def test_three_attempts() -> None:
    there = Machines(*"abcde")
    failing(there, *"abcde")
    with pytest.raises(WorkerCrashed):
        await there.ask()
    assert sum(asked(there)) == 3


async def test_one_that_breaks_off_most_streams_rests() -> None:
    there = Machines("a", "b", mode=Mode.ROUND_ROBIN)
    there.pools["a"].script = [*ANSWER[:2], WorkerCrashed("gone")]
    for _ in range(20):
        await there.ask()
    assert circuit(there) is Circuit.OPEN
    assert len(there.pools["a"].asked) <= 6


@pytest.mark.parametrize("error", [ModelBroken("eaten by moths"), InsufficientMemory("no room")])
async def test_a_model_that_is_broken_there_says_nothing_of_the_others(error: EngineError) -> None:
    there = Machines("a", "b", mode=Mode.ROUND_ROBIN)
    failing(there, "a", error=error)
    assert [await there.ask() for _ in range(9)] == ["b"] * 9
    assert circuit(there) is Circuit.CLOSED
    assert there.experience.failures.penalty((A, MODEL), now=there.clock.now) > 1.0
