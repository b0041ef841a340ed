"""HTTP to the node of this machine, by the standard library alone: commands start sooner, and the tray stays smaller."""

import socket
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import quote, urlsplit

from corral.app.commands.errors import NodeNotRunning

_CONNECT_S = 5.0
_PIECE_BYTES = 65_536
_URL_SIGNS = "/?&=%:@!$'()*+,;~"  # the rest is escaped, as far as the caller hasn't


@dataclass(frozen=True, slots=True)
class Answer:
    """Whole."""

    status: int
    content: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class LocalHttp:
    """For one thread; its connection is kept between requests. Never through a proxy.

    All methods raise NodeNotRunning, TimeoutError after a silence, other OSErrors and http.client.HTTPException.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        """Opens nothing yet."""
        self._url = urlsplit(url)
        self._headers = headers
        self._kept = self._connection()

    def close(self) -> None:
        self._kept.close()

    def request(self, method: str, path: str, body: bytes | None = None, *, within_s: float) -> Answer:
        """The answer, whatever its status."""
        if _has_ended(self._kept):
            self._kept.close()
        try:
            response = self._answer(self._kept, method, path, body, within_s)
            return Answer(response.status, response.read())
        except BaseException:
            self._kept.close()
            raise

    @contextmanager
    def stream(
        self, method: str, path: str, body: bytes | None = None, *, silent_s: float
    ) -> Iterator[HTTPResponse]:
        """The answer as it comes, over a connection of its own: leaving cuts it."""
        connection = self._connection()
        try:
            yield self._answer(connection, method, path, body, silent_s)
        finally:
            connection.close()

    def _connection(self) -> HTTPConnection:
        return HTTPConnection(self._url.hostname or "", self._url.port, timeout=_CONNECT_S)

    def _answer(
        self, connection: HTTPConnection, method: str, path: str, body: bytes | None, within_s: float
    ) -> HTTPResponse:
        if connection.sock is None:
            try:
                connection.connect()
            except TimeoutError:
                raise
            except OSError as error:
                raise NodeNotRunning from error
        connection.sock.settimeout(within_s)
        connection.request(method, quote(path, safe=_URL_SIGNS), body=body, headers=dict(self._headers))
        return connection.getresponse()


def lines_of(response: HTTPResponse) -> Generator[str, None, None]:
    """As they come. Only line feeds end them: JSON may hold what Unicode calls the end of a line."""
    rest = b""
    while piece := response.read1(_PIECE_BYTES):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode("utf-8", "replace")


def _has_ended(connection: HTTPConnection) -> bool:
    """Whether the node closed it while nobody asked: between requests it has nothing to say."""
    if connection.sock is None:
        return False
    connection.sock.setblocking(False)
    try:
        connection.sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
