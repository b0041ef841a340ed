"""Taking connections in: a TLS handshake with each, bounded in time and number, and no word about it but to the log.

Until a handshake is done nobody knows who it is. So each address may have a few under way, and when there are too many in
all the oldest makes room: one that is honest is done in milliseconds. An address whose handshakes keep failing gets fewer.
"""

import asyncio
import errno
import functools
import socket
import ssl
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Final

import structlog

from corral.peers.transport import socket_options
from corral.peers.transport.failures import Failures
from corral.peers.transport.handshake import HANDSHAKE_S, SHUTDOWN_S
from corral.peers.transport.strangers import Strangers

MOST_OF_ADDRESS: Final = 64
MOST_IN_ALL: Final = 512
_BREATH_S: Final = 0.1  # when the system has no more sockets
_LOG = structlog.get_logger(__name__)


class Doorway:
    """Accepts connections from listening sockets."""

    def __init__(
        self,
        *,
        protocol: Callable[[], asyncio.Protocol],
        context: Callable[[], ssl.SSLContext],
        most_of_address: int = MOST_OF_ADDRESS,
        most_in_all: int = MOST_IN_ALL,
    ) -> None:
        """`context` is asked for each connection, so another one counts at once."""
        self._protocol = protocol
        self._context = context
        self._most_of_address = most_of_address
        self._most_in_all = most_in_all
        self._listening: dict[socket.socket, asyncio.Task[None]] = {}
        self._handshakes: OrderedDict[asyncio.Task[None], socket.socket] = OrderedDict()  # oldest first
        self._pushed_out: set[asyncio.Task[None]] = set()
        self._of_address: Counter[str] = Counter()
        self._strangers = Strangers()
        self._failures = Failures()

    def open(self, listening: list[socket.socket]) -> None:
        """Accept from these; they are closed by `close`."""
        for each in listening:
            self._listening[each] = asyncio.create_task(self._accept(each), name="peer port")

    async def close(self) -> None:
        """Accept no more, and end the handshakes that are under way."""
        for task in self._listening.values():
            task.cancel()
        for connection in self._handshakes.values():
            socket_options.hang_up(connection)
        if tasks := [*self._listening.values(), *self._handshakes, *self._pushed_out]:
            await asyncio.wait(tasks)
        for each in self._listening:
            each.close()
        self._listening.clear()

    def turned_away(self, host: str, reason: str) -> None:
        """A handshake was in vain."""
        self._failures.failed(host, asyncio.get_running_loop().time())
        self._tell(host, reason)

    def _tell(self, host: str, reason: str) -> None:
        """Tell the log, unless it was told of this address a moment ago."""
        if self._strangers.worth_telling(host, asyncio.get_running_loop().time()):
            _LOG.info("a connection to the peer port was turned away", address=host, reason=reason)

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(listening)
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    self._tell("this machine", f"no more connections are possible: {error.strerror}")
                    await asyncio.sleep(_BREATH_S)
                continue  # else one that left before it was accepted
            self._take(connection, str(address[0]))

    def _take(self, connection: socket.socket, host: str) -> None:
        failing = self._failures.too_many(host, asyncio.get_running_loop().time())
        if failing or self._of_address[host] >= self._most_of_address:
            connection.close()
            self._tell(host, "too many failed connections" if failing else "too many unfinished connections")
            return
        if len(self._handshakes) >= self._most_in_all:
            oldest, its_connection = self._handshakes.popitem(last=False)
            self._pushed_out.add(oldest)
            socket_options.hang_up(its_connection)
        task = asyncio.create_task(self._handshake(connection, host), name="handshake of a peer")
        self._handshakes[task] = connection
        self._of_address[host] += 1
        task.add_done_callback(functools.partial(self._finished, host))

    def _finished(self, host: str, task: asyncio.Task[None]) -> None:
        self._handshakes.pop(task, None)
        self._pushed_out.discard(task)
        self._of_address[host] -= 1
        if not self._of_address[host]:
            del self._of_address[host]

    async def _handshake(self, connection: socket.socket, host: str) -> None:
        try:
            socket_options.prepare(connection)
        except OSError:
            connection.close()
            return  # it left
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._protocol,
                connection,
                ssl=self._context(),
                ssl_handshake_timeout=HANDSHAKE_S,
                ssl_shutdown_timeout=SHUTDOWN_S,
            )
        except OSError as error:  # TLS errors are of this kind too
            self.turned_away(host, _reason(error))


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not a member's"
    if isinstance(error, ssl.SSLError):
        return f"no TLS handshake of a member: {error.reason or 'unknown'}"
    return error.strerror or str(error) or "it left"
