"""The files of registered models for whoever asks: from this machine's disk, else from another machine, else from the origin."""

import asyncio
import io
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from corral.app.gateway.endpoint import GatewayResponse
from corral.app.model_copy.file_route import PATH as PEER_FILES
from corral.app.model_copy.http_range import NotSatisfiable, Span, wanted_span
from corral.app.model_copy.manifest import is_model_sum
from corral.app.model_copy.view import View
from corral.app.opened_file import opened
from corral.app.registry.book import ModelBook
from corral.app.registry.errors import BadWish, NoSuchFile, NoSuchRange, NotRegistered, OriginFailed
from corral.app.registry.hub import file_url
from corral.app.registry.order import Order, WantedFile
from corral.app.registry.origin import Origin, failure_of
from corral.peers.transport.client import PeerClient
from corral.peers.transport.errors import PeerError

_CHUNK_BYTES = 1024 * 1024
_PEER_IDLE_S = 10.0
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Bytes of one file. `ranged`: the client asked for a part of it."""

    order: Order
    file: WantedFile
    span: Span
    ranged: bool


class ModelFiles:
    """Answers with the bytes of files, `Range` and all."""

    def __init__(
        self, *, book: ModelBook, folder: Path, view: View, client: PeerClient, origin: Origin
    ) -> None:
        """`folder` is that of this machine's models; `client` asks other machines."""
        self._book = book
        self._folder = folder
        self._view = view
        self._client = client
        self._origin = origin

    async def file(self, name: str, path: str, range_header: str | None) -> GatewayResponse:
        """Raises NotRegistered, NoSuchFile, OriginRefused, OriginFailed."""
        order = self._order(name)
        file = next((each for each in order.files if each.path == path), None)
        if file is None:
            raise NoSuchFile(f"model {order.name} has no file {path[:200]!r}; its manifest.json lists them")
        return await self._answer(order, file, range_header)

    async def blob(self, name: str, range_header: str | None) -> GatewayResponse:
        """The file of a model that has only one. Raises BadWish, and what `file` raises."""
        order = self._order(name)
        if len(order.files) != 1 or order.format != "gguf":
            raise BadWish(
                f"model {order.name} has {len(order.files)} files; get them by its manifest.json",
                code="several_files",
                param="name",
            )
        return await self._answer(order, order.files[0], range_header)

    def _order(self, name: str) -> Order:
        entry = self._book.find(name)
        if entry is None:
            raise NotRegistered(name)
        return entry.order

    async def _answer(self, order: Order, file: WantedFile, range_header: str | None) -> GatewayResponse:
        try:
            span = wanted_span(range_header, file.size_bytes)
        except NotSatisfiable as error:
            raise NoSuchRange(
                f"{file.path} has {file.size_bytes} bytes; `Range` asks for later ones", param="range"
            ) from error
        asked = _Asked(order=order, file=file, span=span or Span(0, file.size_bytes), ranged=span is not None)
        body = await self._here(asked) or await self._elsewhere(asked) or await self._at_origin(asked)
        return GatewayResponse(
            status=206 if asked.ranged else 200, headers=_headers(asked), body=body, streamed=True
        )

    async def _here(self, asked: _Asked) -> AsyncIterator[bytes] | None:
        path = self._folder / asked.order.model / asked.file.path

        def open_there() -> io.FileIO | None:
            try:
                file = io.FileIO(path)
            except OSError:
                return None
            if file.seek(0, io.SEEK_END) != asked.file.size_bytes:
                file.close()
                return None
            file.seek(asked.span.start)
            return file

        file = await opened(asyncio.to_thread(open_there))
        if file is None:
            return None

        async def close() -> None:
            await asyncio.to_thread(file.close)

        return _Open(_read(file, asked.span.size_bytes), close)

    async def _elsewhere(self, asked: _Asked) -> AsyncIterator[bytes] | None:
        """From a machine that has all of the model's files, one after the other."""
        if asked.order.format != "gguf":
            return None
        before = [each.size_bytes for each in asked.order.files[: asked.order.files.index(asked.file)]]
        first = sum(before) + asked.span.start
        headers = {"range": f"bytes={first}-{first + asked.span.size_bytes - 1}"}
        for holder in self._view.holders(asked.order.name):
            if holder.node == self._view.node or not is_model_sum(holder.id):
                continue
            if holder.size_bytes != asked.order.size_bytes:
                continue
            try:
                response = await self._client.open(
                    holder.node,
                    "GET",
                    f"{PEER_FILES}{holder.id}",
                    headers=headers,
                    idle_timeout_s=_PEER_IDLE_S,
                )
            except PeerError as error:
                _LOG.info("a machine can't send a model's file", node=holder.node, error=str(error))
                continue
            if response.status == 206:
                return _Open(response.chunks(), response.aclose)
            await response.aclose()
        return None

    async def _at_origin(self, asked: _Asked) -> AsyncIterator[bytes]:
        order, span = asked.order, asked.span
        url = file_url(self._origin.hub, order.repo, order.commit, asked.file.path)
        ranged = asked.ranged and span.size_bytes > 0
        headers: Mapping[str, str] = {"range": f"bytes={span.start}-{span.end - 1}"} if ranged else {}
        answer = await self._origin.get(url, headers)
        wanted = 206 if ranged else 200
        length = answer.headers.get("content-length", str(span.size_bytes))
        if answer.status == wanted and length == str(span.size_bytes):
            return _Open(answer.chunks(), answer.aclose)
        answer.close()
        if answer.status in (200, 206):
            raise OriginFailed(f"{answer.host} doesn't send what was asked of it", passing=False)
        raise failure_of(answer, asked.file.path, has_token=self._origin.has_token)


def _headers(asked: _Asked) -> dict[str, str]:
    headers = {
        "content-type": "application/octet-stream",
        "accept-ranges": "bytes",
        "content-length": str(asked.span.size_bytes),
    }
    if asked.file.sha256 is not None:
        headers["etag"] = f'"{asked.file.sha256}"'
    if asked.ranged:
        headers["content-range"] = asked.span.content_range(asked.file.size_bytes)
    return headers


async def _read(file: io.FileIO, left: int) -> AsyncGenerator[bytes, None]:
    """Raises ConnectionError, which cuts the connection, if the file has become shorter."""
    while left:
        data = await asyncio.to_thread(file.read, min(_CHUNK_BYTES, left))
        if not data:
            raise ConnectionAbortedError("a model's file was cut off while it was read")
        left -= len(data)
        yield data


class _Open:
    """Chunks of something that has to be closed, also when nobody has begun to read."""

    def __init__(self, chunks: AsyncGenerator[bytes, None], close: Callable[[], Awaitable[None]]) -> None:
        self._chunks = chunks
        self._close = close

    def __aiter__(self) -> "_Open":
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except BaseException:  # its end too, and a cancel
            await self._close()
            raise

    async def aclose(self) -> None:
        """Whatever has been read."""
        await self._chunks.aclose()
        await self._close()
