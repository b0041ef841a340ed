"""A light HTTP/1.1 client on one kept-alive connection, the same for every server that is measured."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server listens and the key it wants."""

    port: int
    host: str = "127.0.0.1"
    key: str = ""

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


class BadStatus(Exception):
    """The server answered with something else than 200."""


class Connection:
    """Use as an async context manager; one request at a time."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._address.host, self._address.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):  # the server may close first
            await self._writer.wait_closed()

    async def stream(self, method: str, path: str, body: bytes = b"") -> AsyncIterator[bytes]:
        """The parts of the answer as they arrive. Raises BadStatus."""
        self._writer.write(self._head(method, path, len(body)) + body)
        await self._writer.drain()
        status = int((await self._reader.readline()).split()[1])
        headers = await self._headers()
        parts = self._parts(headers)
        if status != 200:
            text = b"".join([part async for part in parts])
            raise BadStatus(f"{method} {path}: {status} {text.decode(errors='replace')[:500]}")
        async for part in parts:
            yield part

    async def read(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The whole answer. Raises BadStatus."""
        return b"".join([part async for part in self.stream(method, path, body)])

    async def read_json(self, method: str, path: str) -> Any:
        """The answer's JSON. Raises BadStatus."""
        return json.loads(await self.read(method, path))

    def _head(self, method: str, path: str, length: int) -> bytes:
        address = self._address
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {address.host}:{address.port}",
            f"Authorization: Bearer {address.key}",
            "Content-Type: application/json",
            f"Content-Length: {length}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    async def _headers(self) -> dict[str, str]:
        headers = {}
        while (line := (await self._reader.readline()).strip()) != b"":
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        return headers

    async def _parts(self, headers: dict[str, str]) -> AsyncIterator[bytes]:
        if headers.get("transfer-encoding") != "chunked":
            yield await self._reader.readexactly(int(headers.get("content-length", "0")))
            return
        while size := int((await self._reader.readline()).split(b";")[0], 16):
            part = await self._reader.readexactly(size + 2)
            yield part[:-2]
        await self._reader.readline()
