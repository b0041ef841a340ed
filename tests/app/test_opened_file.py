"""Files that a thread opens for a task."""

import asyncio
import threading
from pathlib import Path
from typing import BinaryIO

import pytest

from corral.app.opened_file import opened
from tests.engines.waiting import until


async def test_what_was_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    file = await opened(asyncio.to_thread((tmp_path / "file").open, "rb"))
    with file:
        assert file.read() == b"abc"


async def test_failures_come_through(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await opened(asyncio.to_thread((tmp_path / "missing").open, "rb"))


@pytest.mark.parametrize("exists", [True, False])
async def test_nothing_stays_open_when_the_task_is_cancelled_meanwhile(tmp_path: Path, exists: bool) -> None:
    if exists:
        (tmp_path / "file").write_bytes(b"abc")
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()
    seen: list[BinaryIO] = []

    def slow() -> BinaryIO:
        begun.set()
        may_end.wait()
        try:
            seen.append((tmp_path / "file").open("rb"))
            return seen[0]
        finally:
            ended.set()

    task = asyncio.create_task(opened(asyncio.to_thread(slow)))
    await asyncio.to_thread(begun.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    may_end.set()
    await asyncio.to_thread(ended.wait)
    await until(lambda: all(file.closed for file in seen), "the file to be closed")
    assert len(seen) == exists
