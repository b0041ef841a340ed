"""The pool with real worker processes and echo models."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from corral.engines.devices import Devices, Memory
from corral.engines.echo import EchoEngine
from corral.engines.errors import (
    EngineError,
    InsufficientMemory,
    ModelBroken,
    ModelLacksCapability,
    ModelNotFound,
    QueueFull,
    QueueTimeout,
    ShuttingDown,
    WorkerCrashed,
)
from corral.engines.events import TextDelta
from corral.engines.library import Library
from corral.engines.limits import PoolLimits
from corral.engines.model import Lifecycle, ModelStatus
from corral.engines.pool import ModelPool
from tests.engines.echo_files import chat, text_of, write_echo
from tests.engines.waiting import until, until_gone

WORDS = "one two three four five six seven eight nine ten " * 100
GIB = 2**30
QUICK = PoolLimits(sweep_interval_s=0.01, restart_backoff_s=0.01)


class FakeClock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def machine(gib: int) -> Callable[[], Devices]:
    """A machine with so much free memory, whatever is loaded."""
    memory = Memory(total_bytes=gib * GIB, available_bytes=gib * GIB)
    return lambda: Devices(cores=1, memory=memory)


@asynccontextmanager
async def running(
    folder: Path, limits: PoolLimits = QUICK, *, gib: int = 64, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[ModelPool]:
    pool = ModelPool(
        library=Library(folder=folder),
        engines=(EchoEngine(),),
        limits=limits,
        devices=machine(gib),
        clock=clock,
    )
    await pool.start()
    try:
        yield pool
    finally:
        await pool.stop()


def status(pool: ModelPool, name: str) -> ModelStatus:
    (found,) = (each for each in pool.models() if each.file.name == name)
    return found


def lifecycle(pool: ModelPool, name: str) -> Lifecycle:
    return status(pool, name).lifecycle


def workers() -> list[int]:
    return [child.pid for child in psutil.Process().children()]


def asking(pool: ModelPool, name: str, text: str = WORDS) -> asyncio.Task[str]:
    return asyncio.create_task(text_of(pool.answer(name, chat(text))))


async def busy(pool: ModelPool, name: str) -> asyncio.Task[str]:
    """A request that has begun to be answered."""
    task = asking(pool, name)
    await until(lambda: lifecycle(pool, name) is Lifecycle.LOADED, f"{name} is loaded")
    return task


async def cancelled(task: asyncio.Task[str]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


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


@pytest.mark.parametrize("limits", [PoolLimits(max_loaded=2), PoolLimits(max_memory_bytes=25 * GIB)])
async def test_the_least_recently_used_idle_model_makes_room(tmp_path: Path, limits: PoolLimits) -> None:
    for name in ("a", "b", "c"):
        write_echo(tmp_path, name, size_bytes=10 * GIB)
    async with running(tmp_path, limits) as pool:
        for name in ("a", "b", "a", "c"):
            await asking(pool, name, "hi")
        assert [lifecycle(pool, name) for name in "abc"] == [
            Lifecycle.LOADED,
            Lifecycle.ON_DISK,
            Lifecycle.LOADED,
        ]
        assert len(workers()) == 2


async def test_a_busy_model_is_waited_for_and_not_evicted(tmp_path: Path) -> None:
    write_echo(tmp_path, "slow", size_bytes=10 * GIB, tokens_per_s=50)
    write_echo(tmp_path, "other", size_bytes=10 * GIB)
    async with running(tmp_path, gib=16) as pool:
        answer = await busy(pool, "slow")
        waiting = asking(pool, "other", "hi")
        await until(lambda: lifecycle(pool, "other") is Lifecycle.LOADING, "it waits for room")
        assert lifecycle(pool, "slow") is Lifecycle.LOADED
        await cancelled(answer)
        assert await waiting == "hi"
        assert lifecycle(pool, "slow") is Lifecycle.ON_DISK


async def test_waiting_for_busy_models_has_an_end(tmp_path: Path) -> None:
    write_echo(tmp_path, "slow", size_bytes=10 * GIB, tokens_per_s=50)
    write_echo(tmp_path, "other", size_bytes=10 * GIB)
    async with running(tmp_path, PoolLimits(queue_timeout_s=0.05), gib=16) as pool:
        answer = await busy(pool, "slow")
        with pytest.raises(QueueTimeout, match="busy"):
            await asking(pool, "other")
        await cancelled(answer)


async def test_a_model_that_never_fits_says_what_it_needs(tmp_path: Path) -> None:
    write_echo(tmp_path, "huge", size_bytes=100 * GIB)
    write_echo(tmp_path, "small")
    async with running(tmp_path) as pool:
        await asking(pool, "small", "hi")
        with pytest.raises(InsufficientMemory, match=rf"needs \d+ bytes .* at most {64 * GIB} bytes"):
            await asking(pool, "huge")
        assert lifecycle(pool, "small") is Lifecycle.LOADED


async def test_two_models_loading_at_once_share_the_memory(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_echo(tmp_path, name, size_bytes=10 * GIB, load_seconds=0.1)
    async with running(tmp_path, gib=16) as pool:
        first, second = asking(pool, "a", "A"), asking(pool, "b", "B")
        assert (await first, await second) == ("A", "B")
        assert len(workers()) == 1  # the second had to wait for the first, and took its place


async def test_an_idle_model_is_unloaded_and_a_busy_one_is_not(tmp_path: Path) -> None:
    write_echo(tmp_path, "idle")
    write_echo(tmp_path, "busy", tokens_per_s=50)
    clock = FakeClock()
    limits = PoolLimits(sweep_interval_s=0.01, idle_timeout_s=60)
    async with running(tmp_path, limits, clock=clock) as pool:
        await asking(pool, "idle", "hi")
        answer = await busy(pool, "busy")
        clock.now += 59
        await pool.sweep()
        assert lifecycle(pool, "idle") is Lifecycle.LOADED
        assert status(pool, "idle").idle_s == 59
        clock.now += 1
        await until(lambda: lifecycle(pool, "idle") is Lifecycle.ON_DISK, "the idle model is unloaded")
        clock.now += 1000
        await pool.sweep()
        assert lifecycle(pool, "busy") is Lifecycle.LOADED
        await cancelled(answer)
        assert await asking(pool, "idle", "back") == "back"


async def test_a_killed_worker_fails_its_requests_and_the_next_one_works(tmp_path: Path) -> None:
    write_echo(tmp_path, "victim", tokens_per_s=50)
    write_echo(tmp_path, "bystander", tokens_per_s=200)
    async with running(tmp_path) as pool:
        answer = await busy(pool, "victim")
        (pid,) = workers()
        other = asking(pool, "bystander", "not concerned at all")
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(WorkerCrashed):
            await answer
        assert await asking(pool, "victim", "hi") == "hi"
        assert await other == "not concerned at all"


async def test_a_model_that_keeps_crashing_is_given_up_until_told_or_changed(tmp_path: Path) -> None:
    path = write_echo(tmp_path, crash_after_tokens=2)
    async with running(tmp_path) as pool:
        for _ in range(3):
            with pytest.raises(WorkerCrashed):
                await asking(pool, "parrot")
        with pytest.raises(ModelBroken, match="crashed 3 times"):
            await asking(pool, "parrot")
        await until(lambda: "crashing after" in status(pool, "parrot").output_tail, "its last words are kept")
        assert lifecycle(pool, "parrot") is Lifecycle.ERROR
        await pool.load("parrot")
        assert lifecycle(pool, "parrot") is Lifecycle.LOADED
        for _ in range(3):
            with pytest.raises(WorkerCrashed):
                await asking(pool, "parrot")
        path.write_text("{}")
        await pool.rescan()
        assert lifecycle(pool, "parrot") is Lifecycle.ON_DISK
        assert await asking(pool, "parrot", "well again") == "well again"


async def test_a_model_that_fails_to_load_is_not_tried_again_at_once(tmp_path: Path) -> None:
    path = write_echo(tmp_path, load_error="eaten by moths")
    clock = FakeClock()
    async with running(tmp_path, clock=clock) as pool:
        with pytest.raises(ModelBroken, match="moths"):
            await asking(pool, "parrot")
        path.write_text('{"load_error": "eaten by mice"}')  # not looked at yet
        with pytest.raises(ModelBroken, match="moths"):
            await asking(pool, "parrot")
        assert status(pool, "parrot").error == "eaten by moths"
        clock.now += 29.9
        with pytest.raises(ModelBroken, match="moths"):
            await asking(pool, "parrot")
        clock.now += 0.1
        with pytest.raises(ModelBroken, match="mice"):
            await asking(pool, "parrot")


async def test_a_broken_file_is_refused_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "foreign.gguf").write_bytes(b"PK\3\4 not a model")
    async with running(tmp_path) as pool:
        assert lifecycle(pool, "foreign") is Lifecycle.ERROR
        with pytest.raises(ModelBroken, match="not a GGUF file"):
            await asking(pool, "foreign")


async def test_a_model_of_a_kind_that_no_engine_knows_is_broken(tmp_path: Path, starter_model: Path) -> None:
    (tmp_path / starter_model.name).symlink_to(starter_model)
    async with running(tmp_path) as pool:
        with pytest.raises(ModelBroken, match="no engine here"):
            await asking(pool, "smollm2-135m-instruct")


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
