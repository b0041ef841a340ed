"""The pool and models that crash, fail to load or are broken."""

import os
import signal
from pathlib import Path

import pytest

from corral.engines.errors import (
    ModelBroken,
    WorkerCrashed,
)
from corral.engines.model import Lifecycle
from tests.engines.echo_files import write_echo
from tests.engines.pools import FakeClock, asking, busy, lifecycle, running, status, workers
from tests.engines.waiting import until


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
