"""The pool with real worker processes and echo models: loading, queueing, changing, ending."""

import asyncio
from pathlib import Path

import pytest

from corral.engines.errors import (
    EngineError,
    ModelLacksCapability,
    ModelNotFound,
    QueueFull,
    QueueTimeout,
    ShuttingDown,
)
from corral.engines.events import TextDelta
from corral.engines.limits import PoolLimits
from corral.engines.model import Lifecycle
from tests.engines.echo_files import chat, text_of, write_echo
from tests.engines.pools import WORDS, FakeClock, asking, busy, cancelled, lifecycle, running, status, workers
from tests.engines.waiting import until, until_gone


async def test_a_model_is_loaded_on_demand_and_stays(tmp_path: Path) -> None:
    write_echo(tmp_path)
    async with running(tmp_path) as pool:
        assert lifecycle(pool, "parrot") is Lifecycle.ON_DISK
        assert await text_of(pool.answer("Parrot", chat("hello world"))) == "hello world"
        found = status(pool, "parrot")
        assert found.lifecycle is Lifecycle.LOADED
        assert found.loaded is not None
        assert found.idle_s is not None
        assert found.memory_bytes > 0
        (pid,) = workers()
        assert await text_of(pool.answer("parrot", chat("again"))) == "again"
        assert workers() == [pid]
    assert workers() == []


async def test_requests_for_one_unloaded_model_wait_for_one_load(tmp_path: Path) -> None:
    write_echo(tmp_path, load_seconds=0.2)
    async with running(tmp_path) as pool:
        answers = [asking(pool, "parrot", f"number {number}") for number in range(20)]
        await until(lambda: status(pool, "parrot").progress > 0, "loading makes progress")
        assert lifecycle(pool, "parrot") is Lifecycle.LOADING
        assert await asyncio.gather(*answers) == [f"number {number}" for number in range(20)]
        assert len(workers()) == 1


async def test_the_queue_for_loading_has_an_end(tmp_path: Path) -> None:
    write_echo(tmp_path, load_seconds=0.3)
    async with running(tmp_path, PoolLimits(queue_max=2)) as pool:
        answers = await asyncio.gather(
            *(asking(pool, "parrot", "hi") for _ in range(5)), return_exceptions=True
        )
        assert [type(answer) for answer in answers].count(QueueFull) == 3
        assert answers.count("hi") == 2


async def test_waiting_for_a_load_has_an_end(tmp_path: Path) -> None:
    write_echo(tmp_path, load_seconds=600)
    async with running(tmp_path, PoolLimits(load_timeout_s=0.05)) as pool:
        with pytest.raises(QueueTimeout, match="still loading"):
            await asking(pool, "parrot")
        assert lifecycle(pool, "parrot") is Lifecycle.LOADING  # for the next one
    assert workers() == []


async def test_a_client_that_leaves_while_loading_does_not_end_the_load(tmp_path: Path) -> None:
    write_echo(tmp_path, load_seconds=0.2)
    async with running(tmp_path) as pool:
        leaving, staying = asking(pool, "parrot", "bye"), asking(pool, "parrot", "hi")
        await until(lambda: status(pool, "parrot").progress > 0, "loading makes progress")
        await cancelled(leaving)
        assert await staying == "hi"


async def test_a_request_that_the_model_can_not_answer_does_not_load_it(tmp_path: Path) -> None:
    write_echo(tmp_path, capabilities=["embeddings", "rerank"])
    async with running(tmp_path) as pool:
        with pytest.raises(
            ModelLacksCapability, match="can't do chat; what it can do: embeddings, reranking"
        ):
            await asking(pool, "parrot")
        assert lifecycle(pool, "parrot") is Lifecycle.ON_DISK


async def test_a_new_file_is_found_by_its_name(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock=clock) as pool:
        with pytest.raises(ModelNotFound):
            await asking(pool, "parrot")
        write_echo(tmp_path)
        clock.now += 2
        assert await asking(pool, "parrot", "hi") == "hi"


async def test_a_changed_file_is_loaded_anew_once_idle(tmp_path: Path) -> None:
    path = write_echo(tmp_path, tokens_per_s=50)
    async with running(tmp_path) as pool:
        answer = await busy(pool, "parrot")
        (old,) = workers()
        path.write_text('{"context_length": 3, "tokens_per_s": 50}')
        await pool.rescan()
        text = "longer than three words is no problem for the old file"
        assert await asking(pool, "parrot", text) == text
        assert workers() == [old]
        await cancelled(answer)
        with pytest.raises(EngineError, match="context holds 3"):
            await asking(pool, "parrot", "longer than three words")
        assert workers() != [old]


async def test_a_vanished_file_is_unloaded_and_forgotten(tmp_path: Path) -> None:
    path = write_echo(tmp_path)
    async with running(tmp_path) as pool:
        await asking(pool, "parrot", "hi")
        path.unlink()
        assert await pool.rescan() == ()
        assert workers() == []
        with pytest.raises(ModelNotFound):
            await asking(pool, "parrot")


async def test_unloading_waits_for_answers_and_ends_loads(tmp_path: Path) -> None:
    write_echo(tmp_path, "talker", tokens_per_s=50)
    write_echo(tmp_path, "loader", load_seconds=600)
    async with running(tmp_path, PoolLimits(queue_timeout_s=0.05)) as pool:
        answer = await busy(pool, "talker")
        with pytest.raises(QueueTimeout, match="still answering"):
            await pool.unload("talker")
        await cancelled(answer)
        await pool.unload("talker")
        assert lifecycle(pool, "talker") is Lifecycle.ON_DISK
        waiting = asking(pool, "loader")
        await until(lambda: status(pool, "loader").progress > 0, "loading makes progress")
        await pool.unload("loader")
        with pytest.raises(ShuttingDown):
            await waiting
        assert workers() == []


async def test_stopping_ends_answers_loads_and_processes(tmp_path: Path) -> None:
    write_echo(tmp_path, "talker", tokens_per_s=50)
    write_echo(tmp_path, "loader", load_seconds=600)
    async with running(tmp_path) as pool:
        tasks = [await busy(pool, "talker"), asking(pool, "loader")]
        await until(lambda: status(pool, "loader").progress > 0, "loading makes progress")
        pids = workers()
        assert len(pids) == 2
        await pool.stop()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [ShuttingDown, ShuttingDown]
        for pid in pids:
            await until_gone(pid)
        with pytest.raises(ShuttingDown):
            await asking(pool, "talker")


async def test_leaving_an_answer_makes_the_model_idle(tmp_path: Path) -> None:
    write_echo(tmp_path, tokens_per_s=50)
    async with running(tmp_path) as pool:
        answer = pool.answer("parrot", chat(WORDS))
        async for event in answer:
            if isinstance(event, TextDelta):
                break
        assert status(pool, "parrot").idle_s is None
        await answer.aclose()
        assert status(pool, "parrot").idle_s is not None
