"""Checksums of files: once for each state of a file, kept, never of a file that changes."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from corral.app.model_copy.background_thread import BackgroundThread
from corral.app.model_copy.file_sum import (
    MOST_FILES,
    FileChanged,
    FileSum,
    Summing,
    read_sums,
    write_sums,
)
from corral.app.model_copy.manifest import SUM_BYTES
from corral.app.model_copy.sum_keeper import SumKeeper
from corral.engines.library import Library
from tests.app.model_copy.machines import PIECE_BYTES, write_model
from tests.engines.waiting import until


def summed(path: Path) -> FileSum:
    with Summing(path, piece_bytes=PIECE_BYTES) as summing:
        while (found := summing.step()) is None:
            pass
    return found


def test_sums_of_the_whole_and_of_each_piece(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    data = bytes(range(256)) * 1000
    path.write_bytes(data)
    found = summed(path)
    assert found.sha256 == sha256(data).digest()
    cut = [data[at : at + PIECE_BYTES] for at in range(0, len(data), PIECE_BYTES)]
    assert found.pieces == b"".join(sha256(piece).digest() for piece in cut)
    assert found.is_of(path.stat())


@pytest.mark.parametrize("at_step", [0, 2])
def test_a_file_that_grows_while_it_is_read_has_no_sums(tmp_path: Path, at_step: int) -> None:
    path = tmp_path / "a.gguf"
    path.write_bytes(b"x" * 3 * PIECE_BYTES)
    with Summing(path, piece_bytes=PIECE_BYTES) as summing:
        for _ in range(at_step):
            assert summing.step() is None
        with path.open("ab") as file:
            file.write(b"more")
        with pytest.raises(FileChanged):
            summing.step()


def test_a_file_that_is_cut_off_or_replaced_while_it_is_read_has_no_sums(tmp_path: Path) -> None:
    path, other = tmp_path / "a.gguf", tmp_path / "b.gguf"
    path.write_bytes(b"x" * 3 * PIECE_BYTES)
    other.write_bytes(b"y" * 2 * PIECE_BYTES)
    with Summing(path, piece_bytes=PIECE_BYTES) as summing:
        for _ in range(3):
            summing.step()
        other.replace(path)
        with pytest.raises(FileChanged):
            summing.step()


def test_the_file_of_sums_is_bounded_and_prefers_what_is_in_use(tmp_path: Path) -> None:
    file = tmp_path / "models.sums.json"

    def made(path: str) -> FileSum:
        return FileSum(
            path=path, size_bytes=1, modified_ns=1, piece_bytes=PIECE_BYTES, sha256=b"", pieces=b""
        )

    sums = {str(number): made(str(number)) for number in range(MOST_FILES + 10)}
    write_sums(file, sums, used=[str(MOST_FILES + 9), "not there"])
    kept = read_sums(file)
    assert len(kept) == MOST_FILES and str(MOST_FILES + 9) in kept
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"version": 9, "files": []}', b"[]"])
def test_a_damaged_file_of_sums_counts_as_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "models.sums.json"
    file.write_bytes(content)
    assert read_sums(file) == {}
    assert read_sums(tmp_path / "missing.json") == {}


@asynccontextmanager
async def keeping(
    library: Library, file: Path, wanted: Callable[[], bool] = lambda: True
) -> AsyncIterator[SumKeeper]:
    keeper = SumKeeper(models=library.models, file=file, wanted=wanted, piece_bytes=PIECE_BYTES, look_s=0.01)
    task = asyncio.create_task(keeper.run())
    try:
        yield keeper
    finally:
        task.cancel()
        await asyncio.wait([task])


async def library_of(folder: Path) -> Library:
    library = Library(folder=folder)
    await library.scan()
    return library


async def test_models_are_summed_in_the_background_and_found_by_their_id(tmp_path: Path) -> None:
    path = write_model(tmp_path / "models")
    library = await library_of(tmp_path / "models")
    (model,) = library.models()
    async with keeping(library, tmp_path / "sums.json") as keeper:
        assert keeper.id_of(model) == ""
        await until(lambda: keeper.id_of(model) != "", "the sum")
        found = keeper.find(keeper.id_of(model))
        assert found is not None
        assert found.manifest.parts[0].name == path.name
        assert len(found.manifest.parts[0].pieces) == -(-path.stat().st_size // PIECE_BYTES) * SUM_BYTES
        assert keeper.find("0" * 64) is None


async def test_what_was_summed_once_is_not_read_again(tmp_path: Path) -> None:
    """Other bytes with the same size and time: only who reads them again would notice."""
    path = write_model(tmp_path / "models")
    library = await library_of(tmp_path / "models")
    (model,) = library.models()
    async with keeping(library, tmp_path / "sums.json") as keeper:
        await until(lambda: (tmp_path / "sums.json").exists(), "the sums to be kept")
        before = keeper.id_of(model)
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"?")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    async with keeping(library, tmp_path / "sums.json") as keeper:
        await until(lambda: keeper.id_of(model) != "", "the sum")
        assert keeper.id_of(model) == before


async def test_a_file_that_changed_is_summed_again(tmp_path: Path) -> None:
    path = write_model(tmp_path / "models")
    library = await library_of(tmp_path / "models")
    (model,) = library.models()
    async with keeping(library, tmp_path / "sums.json") as keeper:
        await until(lambda: keeper.id_of(model) != "", "the sum")
        before = keeper.id_of(model)
        with path.open("ab") as file:
            file.write(b"more")
        await library.scan()
        (changed,) = library.models()
        assert keeper.id_of(changed) == ""
        await until(lambda: keeper.id_of(changed) not in ("", before), "the new sum")
        assert keeper.find(before) is None


async def test_models_that_are_gone_are_not_found(tmp_path: Path) -> None:
    path = write_model(tmp_path / "models")
    library = await library_of(tmp_path / "models")
    (model,) = library.models()
    async with keeping(library, tmp_path / "sums.json") as keeper:
        await until(lambda: keeper.id_of(model) != "", "the sum")
        id = keeper.id_of(model)
        path.unlink()
        await library.scan()
        await until(lambda: keeper.find(id) is None, "the model to be forgotten")


async def test_nothing_is_summed_while_the_machine_is_alone(tmp_path: Path) -> None:
    write_model(tmp_path / "models")
    library = await library_of(tmp_path / "models")
    (model,) = library.models()
    joined, looks = False, 0

    def wanted() -> bool:
        nonlocal looks
        looks += 1
        return joined

    async with keeping(library, tmp_path / "sums.json", wanted) as keeper:
        await until(lambda: looks > 3, "looks")
        assert keeper.id_of(model) == ""
        joined = True
        await until(lambda: keeper.id_of(model) != "", "the sum")


async def test_the_work_has_the_least_priority() -> None:
    async with BackgroundThread() as thread:
        if sys.platform == "linux":
            here = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
            there = await thread.run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
            assert (there, here) == (19, os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        assert await thread.run(threading.get_ident) != threading.get_ident()
