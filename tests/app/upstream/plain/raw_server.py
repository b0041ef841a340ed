"""A server that answers with bytes, whatever they are."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress


class Talk:
    """One connection, as the server has it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.requests: list[bytes] = []

    async def request(self) -> bytes:
        """The next one, whole. Raises IncompleteReadError at the end."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(
            (
                int(line.partition(b":")[2])
                for line in head.split(b"\r\n")
                if line.startswith(b"content-length:")
            ),
            0,
        )
        self.requests.append(head + await self.reader.readexactly(length))
        return self.requests[-1]

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()


Script = Callable[[Talk], Awaitable[None]]  # of one connection; its end is the connection's


class RawServer:
    """`talks` has all connections that there were."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.talks: list[Talk] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = Talk(reader, writer)
        self.talks.append(talk)
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            await self._script(talk)
        writer.close()


@asynccontextmanager
async def raw_server(script: Script) -> AsyncIterator[RawServer]:
    server = RawServer(script)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for talk in server.talks:
            talk.writer.transport.abort()
        await asyncio.sleep(0)


def answering(*answers: bytes) -> Script:
    """One after the other to the requests of each connection, then the end."""

    async def script(talk: Talk) -> None:
        for answer in answers:
            await talk.request()
            await talk.say(answer)

    return script


def always(answer: bytes) -> Script:
    async def script(talk: Talk) -> None:
        while True:
            await talk.request()
            await talk.say(answer)

    return script


def ok(body: bytes, *fields: bytes) -> bytes:
    """A plain answer."""
    lines = b"".join(field + b"\r\n" for field in fields)
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%b\r\n%b" % (len(body), lines, body)
