"""The commands' HTTP, against a server that does what no Corral node would."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException

import pytest

from corral.app.commands.errors import NodeNotRunning
from corral.app.commands.local_http import Answer, LocalHttp, lines_of

WITHIN_S = 30.0
NO_MORE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno"
YES = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nyes"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Server:
    """Gives each connection its answers, one for each request, and ends it; `asked` are the first lines of all."""

    def __init__(self, *connections: tuple[bytes, ...], stays: bool = False) -> None:
        self.asked: list[str] = []
        self.ended = threading.Semaphore(0)  # how many connections have
        self.leave = threading.Event()
        self._connections = connections
        self._stays = stays
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(WITHIN_S)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self.leave.set()
        self._thread.join()

    def _serve(self) -> None:
        with self._listener:
            for answers in self._connections:
                connection, _ = self._listener.accept()
                with connection:
                    for answer in answers:
                        self._answer(connection, answer)
                    if self._stays:
                        self.leave.wait(WITHIN_S)
                self.ended.release()

    def _answer(self, connection: socket.socket, answer: bytes) -> None:
        got = b""
        while b"\r\n\r\n" not in got:
            got += connection.recv(65_536)
        self.asked.append(got.partition(b"\r\n")[0].decode())
        connection.sendall(answer)


@contextmanager
def asking(*connections: tuple[bytes, ...], stays: bool = False) -> Iterator[tuple[Server, LocalHttp]]:
    server = Server(*connections, stays=stays)
    http = LocalHttp(server.url, {})
    try:
        yield server, http
    finally:
        http.close()
        server.close()


def test_one_connection_carries_many_requests() -> None:
    with asking((YES, NO_MORE)) as (server, http):
        assert http.request("GET", "/a", within_s=WITHIN_S) == Answer(200, b"yes")
        assert http.request("GET", "/b?c=d%20é f", within_s=WITHIN_S) == Answer(200, b"no")
        assert server.asked == ["GET /a HTTP/1.1", "GET /b?c=d%20%C3%A9%20f HTTP/1.1"]


def test_a_connection_that_ended_meanwhile_is_replaced() -> None:
    with asking((YES,), (NO_MORE,)) as (server, http):
        http.request("POST", "/a", within_s=WITHIN_S)
        assert server.ended.acquire(timeout=WITHIN_S)
        assert http.request("POST", "/b", b"{}", within_s=WITHIN_S).content == b"no"


def test_who_breaks_off_is_no_answer() -> None:
    with asking((YES[:-1],), (YES,)) as (_server, http):
        with pytest.raises(HTTPException):
            http.request("GET", "/a", within_s=WITHIN_S)
        assert http.request("GET", "/a", within_s=WITHIN_S).content == b"yes"


def test_silence_ends_it() -> None:
    with asking((b"",), stays=True) as (_server, http), pytest.raises(TimeoutError):
        http.request("GET", "/a", within_s=0.05)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NodeNotRunning):
        LocalHttp(f"http://127.0.0.1:{port}", {}).request("GET", "/", within_s=WITHIN_S)


def test_lines_come_whole_and_a_broken_stream_is_told() -> None:
    text = "data: a\u2028b\r\n\r\ndata: ü\n".encode()
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in (text[:-3], text[-3:]))
    with (
        asking((CHUNKED + pieces + b"5\r\nda",)) as (_server, http),
        http.stream("GET", "/", silent_s=WITHIN_S) as answer,
    ):
        lines = lines_of(answer)
        assert [next(lines), next(lines), next(lines)] == ["data: a\u2028b", "", "data: ü"]
        with pytest.raises(HTTPException):
            next(lines)
