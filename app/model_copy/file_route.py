"""What members may read of this machine's models: by their ids only, so no path ever comes from outside.

GET /peer/models/ID            all files of a model, one after the other; with Range
GET /peer/models/ID/manifest   what they are
"""

import asyncio
import io
import os
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass

from corral.app.model_copy import http_range
from corral.app.model_copy.file_sum import FileSum
from corral.app.model_copy.http_range import NotSatisfiable, Span
from corral.app.model_copy.manifest import encode_manifest
from corral.app.model_copy.sum_keeper import KnownModel, SumKeeper
from corral.app.model_copy.throttle import Throttle
from corral.app.opened_file import opened
from corral.peers.transport.route import PeerAnswer, PeerRequest, PeerRoute

PATH = "/peer/models/"
MANIFEST = "/manifest"
_CHUNK_BYTES = 1024 * 1024
_NOT_FOUND = PeerAnswer(status=404, body=b"no such model here")
_GONE = PeerAnswer(status=410, body=b"the files of this model have changed")


class FileRoute:
    """Serves GET /peer/models/."""

    def __init__(self, *, sums: SumKeeper, throttle: Throttle) -> None:
        self._sums = sums
        self._throttle = throttle

    def route(self) -> PeerRoute:
        """For the peer port."""
        return PeerRoute(method="GET", path=PATH, handler=self.answer, most_bytes=0)

    async def answer(self, request: PeerRequest) -> PeerAnswer:
        """Bytes of a model, or its manifest."""
        wanted = request.path.removeprefix(PATH)
        model = self._sums.find(wanted.removesuffix(MANIFEST))
        if model is None:
            return _NOT_FOUND
        if not await asyncio.to_thread(_unchanged, model):
            self._sums.forget(model)
            return _GONE
        if wanted.endswith(MANIFEST):
            return PeerAnswer(
                headers={"content-type": "application/json"}, body=encode_manifest(model.manifest)
            )
        return self._bytes(model, request.headers.get("range"))

    def _bytes(self, model: KnownModel, wanted: str | None) -> PeerAnswer:
        whole_bytes = model.manifest.size_bytes
        try:
            span = http_range.wanted_span(wanted, whole_bytes)
        except NotSatisfiable:
            return PeerAnswer(status=416, headers={"content-range": f"bytes */{whole_bytes}"})
        sent = span or Span(0, whole_bytes)
        headers = {
            "content-type": "application/octet-stream",
            "accept-ranges": "bytes",
            "content-length": str(sent.size_bytes),
        }
        if span is not None:
            headers["content-range"] = span.content_range(whole_bytes)
        return PeerAnswer(status=206 if span else 200, headers=headers, body=self._stream(model, sent))

    async def _stream(self, model: KnownModel, span: Span) -> AsyncGenerator[bytes, None]:
        """Raises ConnectionError, which cuts the connection, when a file is no longer what it was."""
        for stretch in stretches(model.files, span):
            file = await opened(asyncio.to_thread(_opened, stretch))
            try:
                left, most_bytes = stretch.size_bytes, self._throttle.portion(_CHUNK_BYTES)
                while left:
                    data = await asyncio.to_thread(file.read, min(most_bytes, left))
                    if not data:
                        raise ConnectionAbortedError("a model's file was cut off while it was read")
                    left -= len(data)
                    await self._throttle.take(len(data))
                    yield data
            finally:
                await asyncio.to_thread(file.close)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Bytes of one file."""

    file: FileSum
    offset: int
    size_bytes: int


def stretches(files: tuple[FileSum, ...], span: Span) -> Iterator[Stretch]:
    """A span of all files one after the other, as bytes of each."""
    start = 0
    for file in files:
        first, last = max(span.start, start), min(span.end, start + file.size_bytes)
        if first < last:
            yield Stretch(file=file, offset=first - start, size_bytes=last - first)
        start += file.size_bytes


def _unchanged(model: KnownModel) -> bool:
    try:
        return all(file.is_of(os.stat(file.path)) for file in model.files)
    except OSError:
        return False


def _opened(stretch: Stretch) -> io.FileIO:
    try:
        file = io.FileIO(stretch.file.path)
    except OSError as error:
        raise ConnectionAbortedError("a model's file can't be read any more") from error
    if not stretch.file.is_of(os.fstat(file.fileno())):
        file.close()
        raise ConnectionAbortedError("a model's file has changed")
    file.seek(stretch.offset)
    return file
