"""The pool makes room: what it unloads, what it waits for, what it refuses."""

from pathlib import Path

import pytest

from corral.engines.errors import (
    InsufficientMemory,
    QueueTimeout,
)
from corral.engines.limits import PoolLimits
from corral.engines.model import Lifecycle
from tests.engines.echo_files import write_echo
from tests.engines.pools import GIB, FakeClock, asking, busy, cancelled, lifecycle, running, status, workers
from tests.engines.waiting import until


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


async def test_an_idle_model_leaves_the_card_to_one_that_would_be_slow_elsewhere(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write_echo(tmp_path, name, size_bytes=10 * GIB, gpu_memory_bytes=11 * GIB)
    write_echo(tmp_path, "elsewhere", size_bytes=GIB)
    async with running(tmp_path, gib=256, card_gib=24) as pool:
        for name in ("elsewhere", "a", "b", "a", "c"):
            await asking(pool, name, "hi")
        assert [lifecycle(pool, name) for name in ("elsewhere", "a", "b", "c")] == [
            Lifecycle.LOADED,
            Lifecycle.LOADED,
            Lifecycle.ON_DISK,
            Lifecycle.LOADED,
        ]


async def test_a_model_that_is_too_large_for_the_card_drives_nobody_away(tmp_path: Path) -> None:
    write_echo(tmp_path, "a", size_bytes=10 * GIB, gpu_memory_bytes=11 * GIB)
    write_echo(tmp_path, "large", size_bytes=40 * GIB)
    async with running(tmp_path, gib=256, card_gib=24) as pool:
        for name in ("a", "large"):
            await asking(pool, name, "hi")
        assert [lifecycle(pool, name) for name in ("a", "large")] == [Lifecycle.LOADED] * 2


async def test_a_busy_model_keeps_the_card(tmp_path: Path) -> None:
    write_echo(tmp_path, "slow", size_bytes=20 * GIB, gpu_memory_bytes=20 * GIB, tokens_per_s=50)
    write_echo(tmp_path, "other", size_bytes=20 * GIB)
    async with running(tmp_path, gib=256, card_gib=24) as pool:
        answer = await busy(pool, "slow")
        assert await asking(pool, "other", "hi") == "hi"
        assert lifecycle(pool, "slow") is Lifecycle.LOADED
        await cancelled(answer)


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
