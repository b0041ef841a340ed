"""Addresses that people wrote, in settings and in a file."""

from pathlib import Path

import pytest

from corral.app.cluster.errors import CantBeDone, NoSuchAddress
from corral.app.cluster.written_addresses import WrittenAddresses
from corral.peers.address import Address

A, B = Address("192.0.2.1", 32769), Address("desk.example", 5)


async def opened(file: Path, *settings: str) -> WrittenAddresses:
    written = WrittenAddresses(file=file, settings=settings)
    await written.open()
    return written


async def test_what_is_added_outlives_the_program(tmp_path: Path) -> None:
    file = tmp_path / "added.json"
    written = await opened(file, "desk.example:5", "no address", "")
    assert written.all == (B,)
    await written.add(A)
    await written.add(B)
    assert (await opened(file, "desk.example:5")).all == (B, A)
    again = await opened(file)
    assert again.all == (A,)
    await again.remove(A)
    assert [*again.all, *(await opened(file)).all] == []
    assert file.stat().st_mode & 0o777 == 0o600


async def test_what_can_not_be_removed(tmp_path: Path) -> None:
    written = await opened(tmp_path / "added.json", "desk.example:5")
    with pytest.raises(CantBeDone, match="setting `peers`"):
        await written.remove(B)
    with pytest.raises(NoSuchAddress):
        await written.remove(A)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'["' + b"x" * 100_000, b"[1]", b'["no address", "192.0.2.1"]']
)
async def test_a_broken_file_counts_as_empty(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "added.json"
    file.write_bytes(content)
    written = await opened(file)
    assert written.all == ()
    await written.add(A)
    assert (await opened(file)).all == (A,)


async def test_a_folder_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    written = await opened(tmp_path / "other.json")
    broken = await opened(tmp_path / "file" / "added.json")
    with pytest.raises(CantBeDone, match="make room"):
        await broken.add(A)
    assert broken.all == written.all == ()
