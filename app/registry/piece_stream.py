"""Pieces of one file on one connection: asked for, checked as they come, written."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from corral.app.model_copy.throttle import Throttle
from corral.app.registry.errors import OriginFailed, OriginLied
from corral.app.registry.hub import file_url
from corral.app.registry.order import Order, WantedFile
from corral.app.registry.origin import Origin, OriginAnswer, failure_of
from corral.app.registry.piece_queue import PieceQueue, Run
from corral.app.registry.staging import Staging

_WRITE_BYTES = 1024 * 1024


class PieceStream:
    """`bring` runs. `coming` hears how many bytes of a run have come, and how many of them are new."""

    def __init__(
        self,
        *,
        origin: Origin,
        order: Order,
        staging: Staging,
        queue: PieceQueue,
        throttle: Throttle,
        coming: Callable[[int, int], None],
    ) -> None:
        self._origin = origin
        self._order = order
        self._staging = staging
        self._queue = queue
        self._throttle = throttle
        self._coming = coming

    async def bring(self, run: Run) -> None:
        """Every piece that came to its end is kept. Raises OriginFailed, OriginRefused, OSError."""
        wanted = self._order.files[run.file]
        piece_bytes = self._staging.piece_bytes
        start, end = run.first * piece_bytes, min(run.end * piece_bytes, wanted.size_bytes)
        url = file_url(self._origin.hub, self._order.repo, self._order.commit, wanted.path)
        answer = await self._origin.get(url, {} if run.whole else {"range": f"bytes={start}-{end - 1}"})
        try:
            if answer.status == HTTPStatus.OK and not run.whole and (start, end) != (0, wanted.size_bytes):
                self._check(answer, wanted, 0, wanted.size_bytes)
                self._queue.only_whole(run.file)
                return
            self._check(answer, wanted, start, end)
            await self._check_etag(answer, run)
            await self._take(answer, run, start, end)
        finally:
            answer.close()

    def _check(self, answer: OriginAnswer, wanted: WantedFile, start: int, end: int) -> None:
        """Raises OriginFailed."""
        if answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise OriginLied(
                f"{wanted.path} is not as long at {answer.host} as was said; register the model again"
            )
        if answer.status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
            raise failure_of(answer, wanted.path, has_token=self._origin.has_token)
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "text/html" and not wanted.path.lower().endswith((".html", ".htm")):
            raise OriginLied(
                f"{answer.host} sent a web page instead of {wanted.path}; does something in between want a login?"
            )
        if answer.headers.get("content-encoding", "identity") not in ("", "identity"):
            raise OriginLied(f"{answer.host} sent {wanted.path} compressed, which was not asked for")
        span, whole_bytes = _sent(answer)
        if span not in (None, (start, end)) or whole_bytes not in (None, wanted.size_bytes):
            raise OriginLied(
                f"{wanted.path} has another length at {answer.host} than it was said to have; register the model again"
            )

    async def _check_etag(self, answer: OriginAnswer, run: Run) -> None:
        """An etag that looks like the checksum is it. Raises OriginLied, OSError."""
        wanted = self._order.files[run.file]
        known = wanted.sha256 or wanted.blob_id
        if known is None:
            same = await asyncio.to_thread(self._staging.same_etag, run.file, answer.etag)
        else:
            same = len(answer.etag) != len(known) or answer.etag.lower() == known
        if not same:
            raise OriginLied(f"{wanted.path} has changed at {answer.host}; register the model again")

    async def _take(self, answer: OriginAnswer, run: Run, start: int, end: int) -> None:
        offset, came = start, 0
        waiting = bytearray()
        async for chunk in answer.chunks():
            came += len(chunk)
            if start + came > end:
                raise OriginLied(f"{answer.host} sent more than was asked of it")
            waiting += chunk
            if len(waiting) >= _WRITE_BYTES:
                offset = await self._written(run, offset, waiting)
            self._coming(self._counted(run, start + came), len(chunk))
            await self._throttle.take(len(chunk))
        if waiting:
            await self._written(run, offset, waiting)
        if start + came != end:
            raise OriginFailed(f"{answer.host} broke off")

    async def _written(self, run: Run, offset: int, waiting: bytearray) -> int:
        """The offset after what was written; `waiting` is empty then."""
        data = bytes(waiting)
        waiting.clear()
        await asyncio.to_thread(self._staging.write, run.file, offset, data)
        end = offset + len(data)
        for piece in range(run.first, run.end):
            place = run.file, piece
            piece_end = piece * self._staging.piece_bytes + self._queue.piece_size(place)
            if offset < piece_end <= end and self._queue.is_missing(place):
                await asyncio.to_thread(self._staging.keep, place)
                self._queue.brought(place)
        return end

    def _counted(self, run: Run, end: int) -> int:
        """Bytes up to `end` that are not counted as whole pieces."""
        piece_bytes = self._staging.piece_bytes
        first = next(
            (piece for piece in range(run.first, run.end) if self._queue.is_missing((run.file, piece))),
            run.end,
        )
        return max(0, end - first * piece_bytes)


def _sent(answer: OriginAnswer) -> tuple[tuple[int, int] | None, int | None]:
    """Which bytes the headers say that an answer has, and how long the whole is. None: they don't say."""
    length = answer.headers.get("content-length", "")
    if answer.status == HTTPStatus.OK:
        count = int(length) if length.isdigit() else None
        return (None if count is None else (0, count)), count
    unit, _, rest = answer.headers.get("content-range", "").partition(" ")
    span, _, whole = rest.partition("/")
    first, _, last = span.partition("-")
    if unit != "bytes" or not (first.isdigit() and last.isdigit()):
        raise OriginLied(f"{answer.host} doesn't say which bytes it sent")
    return (int(first), int(last) + 1), int(whole) if whole.isdigit() else None
