"""A real worker process with the echo engine: answers, cancels, crashes, ends."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import pytest_asyncio
import uvloop

from corral.engines.errors import (
    ContextLengthExceeded,
    InvalidRequest,
    ModelBroken,
    ShuttingDown,
    WorkerCrashed,
)
from corral.engines.events import Done, Started, TextDelta
from corral.engines.model import LoadOptions
from corral.engines.process import WorkerProcess
from corral.engines.requests import EmbeddingRequest, Generation, JsonSchema
from tests.engines.echo_files import ENGINE, chat, echo_file, text_of
from tests.engines.waiting import until, until_gone

WORDS = "one two three four five six seven eight nine ten "


@pytest_asyncio.fixture
async def parrot(tmp_path: Path) -> AsyncIterator[WorkerProcess]:
    """A quick echo model."""
    worker = WorkerProcess(engine=ENGINE)
    await worker.start(echo_file(tmp_path), LoadOptions())
    yield worker
    await worker.stop()


@pytest_asyncio.fixture
async def slow(tmp_path: Path) -> AsyncIterator[WorkerProcess]:
    """An echo model that says 20 words a second."""
    worker = WorkerProcess(engine=ENGINE)
    await worker.start(echo_file(tmp_path, tokens_per_s=20), LoadOptions())
    yield worker
    await worker.stop()


async def test_starting_reports_progress_and_what_was_loaded(tmp_path: Path) -> None:
    progress: list[float] = []
    worker = WorkerProcess(engine=ENGINE)
    info = await worker.start(echo_file(tmp_path), LoadOptions(context_length=77), progress.append)
    assert info.context_length == 77
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
    assert worker.memory_bytes > 1_000_000
    await worker.stop()
    assert worker.memory_bytes == 0


async def test_an_answer_has_every_event_in_order(parrot: WorkerProcess) -> None:
    events = [event async for event in parrot.answer(chat("hello brave world"))]
    assert events[0] == Started(prompt_tokens=3, cached_tokens=0)
    assert events[-1] == Done(prompt_tokens=3, completion_tokens=3)
    assert await text_of(parrot.answer(chat("hello brave world"))) == "hello brave world"


async def echoed(folder: Path, text: str) -> str:
    worker = WorkerProcess(engine=ENGINE)
    await worker.start(echo_file(folder), LoadOptions())
    try:
        return await text_of(worker.answer(chat(text)))
    finally:
        await worker.stop()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_loop_in_a_second_thread_can_have_workers(
    tmp_path: Path, run: Callable[[Coroutine[None, None, str]], str]
) -> None:
    with ThreadPoolExecutor(max_workers=1) as second_thread:
        assert second_thread.submit(run, echoed(tmp_path, WORDS)).result(timeout=20) == WORDS.rstrip()


async def test_many_answers_at_once_do_not_mix(parrot: WorkerProcess) -> None:
    questions = [f"{number} {WORDS}" * 5 for number in range(40)]
    answers = await asyncio.gather(*(text_of(parrot.answer(chat(question))) for question in questions))
    assert answers == [question.rstrip() for question in questions]
    assert parrot.in_flight == 0


async def test_a_failure_of_one_request_is_raised_as_its_own_kind(parrot: WorkerProcess) -> None:
    with pytest.raises(ContextLengthExceeded, match="10000 tokens") as caught:
        await text_of(parrot.answer(chat("word " * 10_000)))
    assert caught.value.param == "messages"
    assert await text_of(parrot.answer(chat("still here"))) == "still here"


async def test_a_request_that_can_not_be_sent_is_the_clients_fault(parrot: WorkerProcess) -> None:
    schema: dict[str, object] = {}
    schema["itself"] = schema
    generation = Generation(output_format=JsonSchema(schema=schema))
    with pytest.raises(InvalidRequest, match="nested too deeply"):
        await text_of(parrot.answer(chat("hello", generation)))
    assert await text_of(parrot.answer(chat("still here"))) == "still here"


async def test_closing_an_answer_cancels_it_in_the_worker(slow: WorkerProcess) -> None:
    answer = slow.answer(chat(WORDS * 100))
    async for event in answer:
        if isinstance(event, TextDelta):
            break
    await until(lambda: slow.numbers.active == 1, "the worker says that it is busy")
    await answer.aclose()
    assert slow.in_flight == 0
    await until(lambda: slow.numbers.active == 0, "the worker says that it is idle")


async def test_a_slow_reader_gets_everything_in_longer_pieces(parrot: WorkerProcess) -> None:
    answer = parrot.answer(chat(WORDS * 200))
    pieces: list[str] = []
    other = WORDS * 200
    async for event in answer:
        if isinstance(event, TextDelta):
            pieces.append(event.text)
        assert await text_of(parrot.answer(chat(other))) == other.rstrip()  # the worker runs far ahead of us
        other = "a few words"
    assert "".join(pieces) == (WORDS * 200).rstrip()
    assert len(pieces) < 1000


async def test_a_killed_worker_fails_its_requests_at_once(tmp_path: Path) -> None:
    lost: list[bool] = []
    worker = WorkerProcess(engine=ENGINE, on_lost=lambda: lost.append(True))
    await worker.start(echo_file(tmp_path, tokens_per_s=5), LoadOptions())
    answers = [asyncio.create_task(text_of(worker.answer(chat(WORDS * 100)))) for _ in range(5)]
    await until(lambda: worker.in_flight == 5, "all requests run")
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    results = await asyncio.gather(*answers, return_exceptions=True)
    assert [type(result) for result in results] == [WorkerCrashed] * 5
    assert len({id(result) for result in results}) == 5
    assert lost == [True]
    with pytest.raises(WorkerCrashed):
        await text_of(worker.answer(chat("anybody?")))
    await worker.stop()


async def test_what_a_crashing_worker_printed_is_kept(tmp_path: Path) -> None:
    lines: list[str] = []
    worker = WorkerProcess(engine=ENGINE, on_line=lines.append)
    await worker.start(echo_file(tmp_path, crash_after_tokens=3), LoadOptions())
    with pytest.raises(WorkerCrashed):
        await text_of(worker.answer(chat(WORDS)))
    await worker.stop()
    assert worker.stderr_tail.splitlines() == lines
    assert lines[-1] == "crashing after 3 tokens, as told"


async def test_a_model_that_can_not_be_loaded_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    worker = WorkerProcess(engine=ENGINE)
    with pytest.raises(ModelBroken, match="moths"):
        await worker.start(echo_file(tmp_path, load_error="eaten by moths"), LoadOptions())
    assert worker.pid is not None
    await until_gone(worker.pid)


async def test_an_engine_that_is_not_there_is_an_error_and_not_a_hang(tmp_path: Path) -> None:
    worker = WorkerProcess(engine="corral.engines.nothing:Engine")
    with pytest.raises(ModelBroken, match="ModuleNotFoundError"):
        await worker.start(echo_file(tmp_path), LoadOptions())
    assert "ModuleNotFoundError" in worker.stderr_tail


async def test_a_command_that_is_no_worker_is_an_error_and_not_a_hang(tmp_path: Path) -> None:
    worker = WorkerProcess(engine=ENGINE, command=[sys.executable, "-c", "print('who am I?')"])
    with pytest.raises(WorkerCrashed):
        await worker.start(echo_file(tmp_path), LoadOptions())
    assert worker.stderr_tail == "who am I?"


async def test_a_command_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    worker = WorkerProcess(engine=ENGINE, command=[str(tmp_path / "nothing")])
    with pytest.raises(WorkerCrashed, match="could not be started"):
        await worker.start(echo_file(tmp_path), LoadOptions())


async def test_giving_up_on_a_start_ends_the_process(tmp_path: Path) -> None:
    worker = WorkerProcess(engine=ENGINE)
    progress: list[float] = []
    starting = asyncio.create_task(
        worker.start(echo_file(tmp_path, load_seconds=600), LoadOptions(), progress.append)
    )
    await until(lambda: worker.pid is not None, "the process runs")
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert worker.pid is not None
    await until_gone(worker.pid)


async def test_giving_up_while_the_process_is_being_made_leaves_nothing(tmp_path: Path) -> None:
    worker = WorkerProcess(engine=ENGINE)
    starting = asyncio.create_task(worker.start(echo_file(tmp_path), LoadOptions()))
    await asyncio.sleep(0)  # it begins: a thread makes the process
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert worker.pid is not None
    await until_gone(worker.pid)
    del worker, starting
    gc.collect()  # a socket that was left open would complain now


async def test_stopping_fails_what_is_in_flight_and_ends_the_process(slow: WorkerProcess) -> None:
    answer = asyncio.create_task(text_of(slow.answer(chat(WORDS * 100))))
    await until(lambda: slow.in_flight == 1, "the request runs")
    await slow.stop()
    with pytest.raises(ShuttingDown):
        await answer
    assert slow.pid is not None
    await until_gone(slow.pid)
    await slow.stop()  # once more does no harm


async def test_a_worker_that_does_not_listen_is_killed(slow: WorkerProcess) -> None:
    assert slow.pid is not None
    os.kill(slow.pid, signal.SIGSTOP)
    await slow.stop(grace_s=0.05)
    await until_gone(slow.pid)


async def test_ctrl_c_is_not_for_workers(parrot: WorkerProcess) -> None:
    assert parrot.pid is not None
    os.kill(parrot.pid, signal.SIGINT)
    assert await text_of(parrot.answer(chat("still here"))) == "still here"


async def test_a_fault_inside_an_engine_ends_its_process_and_leaves_a_trace(parrot: WorkerProcess) -> None:
    with pytest.raises(WorkerCrashed):
        await text_of(parrot.answer(EmbeddingRequest(inputs=("a",), dimensions=-1)))
    await parrot.stop()
    assert "struct.error" in parrot.stderr_tail


PARENT = """
import asyncio, sys
from pathlib import Path
from corral.engines.model import LoadOptions
from corral.engines.process import WorkerProcess
from tests.engines.echo_files import ENGINE, chat, echo_file, text_of

async def main():
    worker = WorkerProcess(engine=ENGINE)
    file = echo_file(Path(sys.argv[1]), tokens_per_s=1, load_seconds=float(sys.argv[2]))
    loading = asyncio.create_task(worker.start(file, LoadOptions(), lambda fraction: print(worker.pid, flush=True)))
    await loading
    print("loaded", flush=True)
    await text_of(worker.answer(chat("word " * 1000)))

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("load_s", "last_line"), [(0, b"loaded"), (600, b"")], ids=["answering", "inside a long call"]
)
async def test_a_worker_dies_with_its_parent(tmp_path: Path, load_s: int, last_line: bytes) -> None:
    root = Path(__file__).parents[2]
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path), str(load_s), stdout=asyncio.subprocess.PIPE, cwd=root
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    while last_line and (await parent.stdout.readline()).strip() != last_line:
        pass
    parent.kill()
    await parent.wait()
    await until_gone(pid)
