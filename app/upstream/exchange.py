"""One request and its answer on a plain HTTP/1.1 connection; httptools reads the answer."""

import asyncio
import zlib
from collections.abc import Callable
from typing import Final, cast

import httptools

MOST_HEAD_BYTES: Final = 64 * 1024
_MOST_WAITING_BYTES: Final = 256 * 1024  # of an answer that nobody reads; then the server has to wait
_MOST_DECODED_BYTES: Final = 1024 * 1024  # at a time
_ENCODED: Final = ("gzip", "x-gzip", "deflate")
_EITHER_FORMAT: Final = zlib.MAX_WBITS | 32


class Exchange:
    """An answer as it comes. Errors are OSErrors: TimeoutError for silence, ConnectionError for all else."""

    def __init__(self, abort: Callable[[], None], resume: Callable[[], None]) -> None:
        """`abort` ends the connection, `resume` lets it read on."""
        self._abort = abort
        self._resume = resume
        self._loop = asyncio.get_running_loop()
        self.status = 0  # until the head has come
        self.headers: dict[str, str] = {}  # names in lower case
        self.begun = False  # something has come
        self.complete = False  # all has come
        self.waiting_bytes = 0  # that came and weren't read
        self._pieces: list[bytes] = []
        self._decoder: zlib._Decompress | None = None
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    # --- for the connection

    def head(self, status: int, headers: dict[str, str]) -> None:
        """Raises ValueError for an answer that can't be decoded."""
        encoding = headers.get("content-encoding", "identity").lower()
        if encoding in _ENCODED:
            self._decoder = zlib.decompressobj(_EITHER_FORMAT)
            headers.pop("content-length", None)  # it is that of the encoded body
        elif encoding != "identity":
            raise ValueError("an encoding that nobody asked for")
        self.status, self.headers = status, headers
        self._wake()

    def body(self, data: bytes) -> None:
        """More of it."""
        self._pieces.append(data)
        self.waiting_bytes += len(data)
        self._wake()

    @property
    def is_full(self) -> bool:
        """Whether so much waits that no more should come."""
        return self.waiting_bytes > _MOST_WAITING_BYTES

    def end(self) -> None:
        """All has come."""
        self.complete = True
        self._wake()

    def fail(self, error: Exception) -> None:
        """Nothing more will come."""
        if self._error is None:
            self._error = error
        self._wake()

    # --- for whoever asked

    async def until_head(self, wait_s: float) -> None:
        """Wait for status and headers."""
        while not self.status:
            if self._error is not None:
                raise self._error
            await self._news(wait_s)

    async def piece(self, wait_s: float) -> bytes:
        """What has come of the body, at least something; empty at its end. A silence of `wait_s` is a TimeoutError."""
        while True:
            if self._pieces:
                if data := self._taken():
                    return data
            elif self.complete:
                return b""
            elif self._error is not None:
                raise self._error
            else:
                await self._news(wait_s)

    def close(self) -> None:
        """The rest isn't wanted."""
        if not self.complete:
            self._abort()
            self.fail(ConnectionAbortedError("closed"))
        self._quiet()

    def _taken(self) -> bytes:
        pieces, was_full = self._pieces, self.is_full
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._pieces = []
        self.waiting_bytes = 0
        if self._decoder is not None:
            data = self._decoded(data)
        if was_full and not self.complete:
            self._resume()
        return data

    def _decoded(self, data: bytes) -> bytes:
        assert self._decoder is not None
        try:
            decoded = self._decoder.decompress(data, _MOST_DECODED_BYTES)
        except zlib.error as error:
            self.close()
            raise ConnectionError("the answer can't be decoded") from error
        if rest := self._decoder.unconsumed_tail:
            self._pieces.append(rest)
            self.waiting_bytes = len(rest)
        return decoded

    async def _news(self, wait_s: float) -> None:
        """Until something has come or is over. One timer serves many waits: most end long before."""
        self._due = self._loop.time() + wait_s
        if self._timer is None or self._timer.when() > self._due:
            self._quiet()
            self._timer = self._loop.call_at(self._due, self._look_at_time)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        if self.complete:
            self._quiet()

    def _look_at_time(self) -> None:
        self._timer = None
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._look_at_time)
        else:
            waiter.set_exception(TimeoutError("it is silent"))

    def _quiet(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class UpstreamConnection(asyncio.Protocol):
    """Made by the loop. One exchange at a time; what it reads goes there."""

    _transport: asyncio.Transport

    def __init__(self, released: "Callable[[UpstreamConnection], None]") -> None:
        """`released` hears when an exchange is over and another is possible, or when the connection is lost."""
        self._released = released
        self._exchange: Exchange | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._headers: dict[str, str] = {}
        self._head_bytes = 0
        self._until_end = False  # of the connection, lasts this body
        self._keeps = False  # another request is possible after this one
        self.lost = False

    def begin(self, request: bytes) -> Exchange:
        """Send it. The connection must be free."""
        assert self._exchange is None
        self._exchange = exchange = Exchange(self.abort, self._read_on)
        self._headers, self._head_bytes = {}, 0
        if self.lost:  # as soon as it was made, perhaps: nobody would tell the exchange any more
            exchange.fail(ConnectionResetError("the connection ended"))
        else:
            self._transport.write(request)
        return exchange

    def abort(self) -> None:
        """End it at once."""
        self._transport.abort()

    def close(self) -> None:
        """End it; nothing is under way."""
        self._transport.close()

    @property
    def is_usable(self) -> bool:
        """Whether it can be asked again, as far as is known here."""
        return not self.lost and not self._transport.is_closing()

    # --- for the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's only looks like one
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(  # as other clients are; what it means is never in doubt
            lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )

    def data_received(self, data: bytes) -> None:
        exchange, parser = self._exchange, self._parser
        if exchange is None or parser is None:  # nobody asked for it
            self.abort()
            return
        exchange.begun = True
        if not exchange.status:
            self._head_bytes += len(data)
        try:
            parser.feed_data(data)
            if not exchange.status and self._head_bytes > MOST_HEAD_BYTES:
                raise ValueError("a head without an end")
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, ValueError) as error:
            self.abort()
            if not exchange.complete:
                exchange.fail(ConnectionError(f"what came is no HTTP: {error}"))
            return
        if exchange.complete:
            self._free()
        elif exchange.is_full:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        exchange, self._exchange, self._parser = self._exchange, None, None
        self.lost = True
        if exchange is not None:
            if exchange.status and self._until_end and error is None:
                exchange.end()
            else:
                exchange.fail(ConnectionResetError("the connection ended"))
        self._released(self)

    def _read_on(self) -> None:
        if not self._transport.is_closing() and not self._transport.is_reading():
            self._transport.resume_reading()

    def _free(self) -> None:
        self._exchange = None
        if self._keeps and not self._transport.get_write_buffer_size():
            self._read_on()
            self._released(self)
        else:
            self._transport.close()

    # --- for the parser

    def on_message_begin(self) -> None:
        exchange = self._exchange
        if exchange is None or exchange.complete:
            raise ValueError("more came than was asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1").strip(" \t")

    def on_headers_complete(self) -> None:
        assert self._exchange is not None and self._parser is not None
        status = self._parser.get_status_code()
        headers, self._headers = self._headers, {}
        if status >= 200:  # else it is only a sign of life
            coded = headers.get("transfer-encoding", "").lower()
            self._until_end = not coded.endswith("chunked") and "content-length" not in headers
            self._exchange.head(status, headers)

    def on_body(self, data: bytes) -> None:
        assert self._exchange is not None
        self._exchange.body(data)

    def on_message_complete(self) -> None:
        assert self._exchange is not None and self._parser is not None
        if self._exchange.status:
            self._keeps = self._parser.should_keep_alive()  # it doesn't know any more afterwards
            self._exchange.end()
