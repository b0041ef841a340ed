"""A server with one handler of plain requests, and an application that tells what came to it instead."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import h11

from corral.app.http1.handler import Handler, Sink
from corral.app.http1.plain_request import PlainRequest
from corral.app.server import Server

PATH = "/v1/plain"
HANDLED, BY_APP = "handled", "by the app"


async def echo(request: PlainRequest, sink: Sink) -> None:
    """Answers with the body it got."""
    await sink.whole(200, {"x-by": HANDLED, "x-address": request.address}, request.body)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Does the same."""
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        if not message["more_body"]:
            break
    headers = [
        (b"x-by", BY_APP.encode()),
        (b"x-address", scope["client"][0].encode()),
        (b"content-length", b"%d" % len(body)),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def served(
    handler: Handler = echo, *, grace_s: float = 5.0, handled: Callable[[], bool] = lambda: True
) -> AsyncIterator[Server]:
    """`handled` tells whether the handler is in charge now."""

    def handler_of(path: str) -> Handler | None:
        return handler if path == PATH and handled() else None

    server = Server(app=app, host="127.0.0.1", port=0, handler_of=handler_of, grace_s=grace_s)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def request(body: bytes = b"", *, path: str = PATH, method: str = "POST", extra: str = "") -> bytes:
    """As bytes."""
    head = f"{method} {path} HTTP/1.1\r\nhost: here\r\n{extra}content-length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Client:
    """Sends bytes, reads answers with h11."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._events = h11.Connection(h11.CLIENT)

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> tuple[h11.Response, bytes]:
        """The next one, whole."""
        events = self._events
        if events.our_state is h11.DONE and events.their_state is h11.DONE:
            events.start_next_cycle()
        if events.our_state is h11.IDLE:
            events.send(h11.Request(method="POST", target=PATH, headers=[("host", "here")]))
            events.send(h11.EndOfMessage())
        response, body = None, b""
        while True:
            event = events.next_event()
            if event is h11.NEED_DATA:
                events.receive_data(await self.reader.read(65536))
            elif isinstance(event, h11.Response):
                response = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                assert response is not None
                return response, body

    async def ended(self) -> bool:
        """Whether the server ended the connection without saying more."""
        try:
            return await self.reader.read() == b""
        except ConnectionResetError:
            return True


def header(response: h11.Response, name: str) -> str:
    return next((value.decode() for each, value in response.headers if each.decode() == name), "")


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
