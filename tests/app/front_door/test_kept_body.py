"""A body that is read once and can be sent again."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from corral.app.front_door.kept_body import MEMORY_BYTES, BodyReader, KeptBody
from corral.app.store.errors import DiskFull

MIB = 1024 * 1024


class Client:
    """Sends what it is told to, then stays until it is told to leave."""

    def __init__(self, *pieces: bytes, complete: bool = True) -> None:
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for piece in pieces:
            self.send(piece)
        if complete:
            self.end()

    def send(self, piece: bytes) -> None:
        self._messages.put_nowait({"type": "http.request", "body": piece, "more_body": True})

    def end(self) -> None:
        self._messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})

    def leave(self) -> None:
        self._messages.put_nowait({"type": "http.disconnect"})

    async def receive(self) -> dict[str, Any]:
        return await self._messages.get()


async def all_of(body: KeptBody) -> bytes:
    return b"".join([piece async for piece in BodyReader(body)])


async def kept(client: Client, folder: Path, *, limit_bytes: int = 32 * MIB) -> KeptBody:
    """A body of a client that has left."""
    body = KeptBody(client.receive, limit_bytes=limit_bytes, folder=folder)
    client.leave()
    await body.read()
    return body


@pytest.mark.parametrize("size", [0, 1, MEMORY_BYTES, MEMORY_BYTES + 1, 20 * MIB])
async def test_every_reader_gets_all_of_it(tmp_path: Path, size: int) -> None:
    content = (b"%08d" * (size // 8 + 1) % tuple(range(size // 8 + 1)))[:size]
    cuts = [content[at : at + 60_000] for at in range(0, size, 60_000)]
    body = await kept(Client(*cuts), tmp_path)
    assert body.size_bytes == size
    assert await all_of(body) == content
    assert await all_of(body) == content
    await body.close()


async def test_a_reader_follows_the_client(tmp_path: Path) -> None:
    client = Client(complete=False)
    body = KeptBody(client.receive, limit_bytes=32 * MIB, folder=tmp_path)
    reading = asyncio.create_task(body.read())
    reader = BodyReader(body, head=b"head")
    assert await anext(reader) == b"head"
    for number in range(40):
        piece = bytes([number]) * 100_000
        client.send(piece)
        got = b""
        while len(got) < len(piece):
            got += await anext(reader)
        assert got == piece
    client.end()
    with pytest.raises(StopAsyncIteration):
        await anext(reader)
    client.leave()
    await reading
    await body.close()


async def test_another_application_receives_it(tmp_path: Path) -> None:
    body = await kept(Client(b"one", b"two"), tmp_path)
    reader = BodyReader(body)
    assert [await reader.receive() for _ in range(3)] == [
        {"type": "http.request", "body": b"onetwo", "more_body": True},
        {"type": "http.request", "body": b"", "more_body": False},
        {"type": "http.disconnect"},
    ]
    reader = BodyReader(body)
    assert [await reader.receive_nothing() for _ in range(2)] == [
        {"type": "http.request", "body": b"", "more_body": False},
        {"type": "http.disconnect"},
    ]


async def test_of_a_body_that_is_too_long_only_so_much_is_kept(tmp_path: Path) -> None:
    body = await kept(Client(*[b"x" * 1000] * 100), tmp_path, limit_bytes=5_500)
    assert await all_of(body) == b"x" * 6_000


async def test_of_a_body_that_says_it_is_too_long_nothing_is_kept(tmp_path: Path) -> None:
    client = Client(b"x" * 1000, complete=False)
    body = KeptBody(client.receive, limit_bytes=500, declared_bytes=1000, folder=tmp_path)
    assert body.is_complete
    assert await all_of(body) == b""
    client.leave()
    await body.read()
    assert await all_of(body) == b""


async def test_a_folder_that_takes_nothing(tmp_path: Path) -> None:
    body = await kept(Client(b"x" * (2 * MIB)), tmp_path / "missing")
    assert isinstance(body.failure, DiskFull)
    with pytest.raises(DiskFull):
        await all_of(body)


async def test_what_was_sent_and_answered_is_given_up(tmp_path: Path) -> None:
    body = await kept(Client(b"x" * 1000), tmp_path)
    body.forget()
    assert await all_of(body) == b"x" * 1000  # no reader had come to its end
    body.forget()
    assert body.whole() == b""
