"""The worker's side of the socket pair, spoken to without an event loop."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from corral.engines import frames
from corral.engines.engine import RequestId
from corral.engines.model import LoadOptions
from corral.engines.spawn import spawn
from tests.engines.echo_files import ENGINE, chat, echo_file

DEADLINE_S = 20.0


class Channel:
    """Our end of a worker's socket pair, blocking."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._splitter = frames.FrameSplitter()
        self._arrived: list[frames.FromWorker] = []

    def send(self, *messages: frames.ToWorker) -> None:
        self.connection.sendall(b"".join(bytes(frames.encode(message)) for message in messages))

    def next(self) -> frames.FromWorker | None:
        """The next message; None at the end."""
        while not self._arrived:
            data = self.connection.recv(65536)
            if not data:
                return None
            self._arrived += [frames.decode_from_worker(each) for each in self._splitter.feed(data)]
        return self._arrived.pop(0)

    def until(self, kind: type[frames.FromWorker]) -> None:
        while not isinstance(message := self.next(), kind):
            assert message is not None, f"the worker ended without a {kind.__name__}"


@contextmanager
def worker(exit_code: int) -> Iterator[Channel]:
    """A worker that is expected to end with `exit_code`."""
    spawned = spawn()
    spawned.socket.settimeout(DEADLINE_S)
    with spawned.process, spawned.output, spawned.socket:
        try:
            yield Channel(spawned.socket)
            assert spawned.process.wait(DEADLINE_S) == exit_code
        finally:
            spawned.process.kill()


def load(folder: Path, **settings: object) -> frames.Load:
    return frames.Load(ENGINE, echo_file(folder, "parrot", **settings), LoadOptions())


def test_a_parent_that_does_not_read_blocks_the_worker_and_nothing_else(tmp_path: Path) -> None:
    with worker(exit_code=0) as channel:
        channel.send(load(tmp_path, context_length=10**9))
        channel.until(frames.Ready)
        channel.send(frames.Submit(RequestId(1), chat("word " * 1_000_000)))
        channel.until(frames.Batch)
        # The socket is full soon, for we don't read. The worker must still take what we send.
        channel.send(*(frames.Submit(RequestId(number), chat("more " * 10_000)) for number in range(2, 50)))
        channel.send(*(frames.Cancel(RequestId(number)) for number in range(1, 50)))
        channel.send(frames.Stop())
        while channel.next() is not None:
            pass


def test_a_parent_that_goes_away_ends_the_worker(tmp_path: Path) -> None:
    with worker(exit_code=0) as channel:
        channel.send(load(tmp_path))
        channel.until(frames.Ready)
        channel.connection.shutdown(socket.SHUT_RDWR)


def test_stopping_while_loading_does_not_wait_for_the_load(tmp_path: Path) -> None:
    with worker(exit_code=0) as channel:
        channel.send(load(tmp_path, load_seconds=600))
        channel.until(frames.Progress)
        channel.send(frames.Stop())
        while channel.next() is not None:
            pass


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        b"\0\0\0\5hello",
        b"\0\0\0\0",
        bytes(frames.encode(frames.Submit(RequestId(1), chat("too early")))),
    ],
    ids=["oversized", "garbage", "empty", "too early"],
)
def test_a_parent_that_sends_nonsense_ends_the_worker(data: bytes) -> None:
    with worker(exit_code=3) as channel:
        channel.connection.sendall(data)
        assert channel.next() is None


def test_numbers_come_while_there_is_work_and_once_when_it_is_done(tmp_path: Path) -> None:
    with worker(exit_code=0) as channel:
        channel.send(load(tmp_path, tokens_per_s=50))
        channel.until(frames.Ready)
        channel.send(frames.Submit(RequestId(1), chat("word " * 75)))
        active: list[int] = []
        while not active or active[-1] > 0:
            message = channel.next()
            assert message is not None
            if isinstance(message, frames.Numbers):
                active.append(message.live.active + message.live.queued)
                assert message.memory_bytes > 0
        assert active[0] == 1
        channel.send(frames.Stop())
        while channel.next() is not None:
            pass
