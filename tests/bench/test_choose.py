"""The simulation of choosing: its parts, and that auto does what it is for."""

import asyncio

import pytest

from bench import choose, virtual_time
from bench.choose_machines import Build, Shared
from bench.choose_trace import Team, trace


def test_virtual_time_jumps() -> None:
    async def play() -> list[float]:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(1e6)
        await asyncio.gather(asyncio.sleep(5.0), asyncio.sleep(10.0))
        return [loop.time()]

    assert virtual_time.run(play()) == [pytest.approx(1e6 + 10.0)]


def test_waiting_for_nothing_is_an_error() -> None:
    async def play() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="everything waits"):
        virtual_time.run(play())


def test_work_shares_a_machine() -> None:
    async def ended(seconds: float, shared: Shared, job: int) -> float:
        await shared.work(job, seconds)
        return asyncio.get_running_loop().time()

    async def play() -> list[float]:
        shared = Shared(crowding=0.5)
        return list(await asyncio.gather(ended(2.0, shared, 1), ended(4.0, shared, 2)))

    # both at 1 / 1.5 until the first has done 2 s, then the other's last 2 s alone
    assert virtual_time.run(play()) == [pytest.approx(3.0), pytest.approx(5.0)]


def test_a_trace_is_the_same_for_the_same_seed() -> None:
    team = Team(requests=200, rate=2.0)
    jobs = trace(team, 1)
    assert jobs == trace(team, 1) and jobs != trace(team, 2)
    assert [job.at for job in jobs] == sorted(job.at for job in jobs)
    later = next(job for job in jobs if len(job.parts) > 2)
    messages = later.request().json["messages"]
    assert [len(each["content"]) // 4 for each in messages] == [tokens for _, _, tokens in later.parts]


@pytest.mark.parametrize("way", choose.WAYS)
def test_every_request_is_answered(way: str) -> None:
    case = choose.cases(150)[0]
    outcome = choose.play(case, way, 1)
    assert (len(outcome.seconds) > 0, outcome.failed) == (True, 0)


def test_auto_leaves_slow_machines_alone() -> None:
    builds = [
        Build(name="fast", decode=100.0, prefill=2000.0),
        Build(name="slow", decode=5.0, prefill=50.0),
    ]
    case = choose.Case(
        name="two", builds=lambda _seed: builds, team=Team(requests=200, rate=1.0), load=0.3, from_s=60.0
    )
    auto, in_turn = (choose.play(case, way, 1).seconds for way in (choose.AUTO, choose.ROUND_ROBIN))
    assert sum(auto) / len(auto) < sum(in_turn) / len(in_turn) / 2.0
