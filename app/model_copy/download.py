"""One copy of a model on its way here: pieces from several machines at once, checked one by one and all together."""

import asyncio
import errno
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from corral.app.model_copy.draft import Draft, model_drafts
from corral.app.model_copy.errors import CopyFailed, NoRoom, NoSource, SourceFailed, SourceLied
from corral.app.model_copy.file_sum import FileSum
from corral.app.model_copy.manifest import Manifest, ModelSum
from corral.app.model_copy.peer_source import PeerSource
from corral.app.model_copy.piece_board import LATE_S, PieceBoard
from corral.app.model_copy.source_book import SourceBook
from corral.app.model_copy.speed import Speed
from corral.peers.ids import NodeId

_MOST_ROUNDS = 3  # of reading back and fetching again what is wrong
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How copies behave."""

    sources_at_once: int = 4
    keep_free_bytes: int = 512 * 1024 * 1024  # on the disk
    patience_s: float = 300.0  # without anybody to ask
    look_s: float = 0.25  # between two looks at who has the model
    late_s: float = LATE_S


class Download:
    """`run` it once. The properties say how it goes; before the manifest is there they know nothing."""

    def __init__(
        self,
        *,
        model: str,
        id: ModelSum,
        folder: Path,
        peers: PeerSource,
        sources: Callable[[], Sequence[NodeId]],
        name_of: Callable[[NodeId], str],
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`sources` are the machines that say now that they have it; `name_of` is what people call them."""
        self._model = model
        self._id = id
        self._folder = folder
        self._peers = peers
        self._sources = sources
        self._name_of = name_of
        self._limits = limits
        self._clock = clock
        self._book = SourceBook()
        self._speed = Speed()
        self._workers: dict[NodeId, asyncio.Task[None]] = {}
        self._draft: Draft | None = None
        self._board = PieceBoard((), ())
        self._note = ""
        self._verifying = False

    @property
    def verifying(self) -> bool:
        """Whether everything is there and is being read back."""
        return self._verifying

    @property
    def done_bytes(self) -> int:
        """What is here."""
        return self._board.done_bytes

    @property
    def total_bytes(self) -> int | None:
        """None while nobody has told."""
        return None if self._draft is None else self._draft.manifest.size_bytes

    @property
    def active_sources(self) -> int:
        """Machines that are sending."""
        return len(self._workers)

    @property
    def bytes_per_s(self) -> int:
        """Over the last seconds."""
        return 0 if self._verifying else self._speed.bytes_per_s(self._clock())

    @property
    def note(self) -> str:
        """What people should know of the way it goes, e.g. who sent something wrong; empty if nothing."""
        return self._note

    async def run(self) -> tuple[FileSum, ...]:
        """The sums of the files that are there in the end. Raises CopyError. What has come stays for another time."""
        try:
            draft = self._draft = await self._begun()
            try:
                await asyncio.to_thread(draft.check_room, keep_free_bytes=self._limits.keep_free_bytes)
                for _ in range(_MOST_ROUNDS):
                    await self._fetch(draft)
                    if await self._is_right(draft):
                        return await asyncio.to_thread(draft.place)
                raise CopyFailed("what is read from the disk is not what was written to it; check the disk")
            finally:
                await asyncio.to_thread(draft.close)
        except OSError as error:
            raise _readable(error) from error

    async def discard(self) -> None:
        """Remove what has come; after `run` has ended. Raises OSError."""
        for draft in await asyncio.to_thread(model_drafts, self._folder, self._id):
            await asyncio.to_thread(draft.remove)

    async def pause(self) -> None:
        """What has come stays as it is."""

    # --- beginning

    async def _begun(self) -> Draft:
        found = await asyncio.to_thread(model_drafts, self._folder, self._id)
        if found:
            return found[0]
        manifest = await self._manifest()
        return await asyncio.to_thread(Draft.begin, self._folder, model=self._model, manifest=manifest)

    async def _manifest(self) -> Manifest:
        """From whoever has it first. Raises NoSource."""
        last_chance = self._clock() + self._limits.patience_s
        while True:
            for source in self._book.usable(self._sources(), self._clock()):
                try:
                    return await self._peers.manifest(source, self._id)
                except SourceLied as error:
                    self._lied(source, str(error))
                except SourceFailed as error:
                    self._failed(source, error)
            if self._clock() > last_chance:
                raise self._no_source()
            await asyncio.sleep(self._limits.look_s)

    # --- fetching

    async def _fetch(self, draft: Draft) -> None:
        """Until every piece is there. Raises NoSource, OSError."""
        board = self._board = PieceBoard(
            [piece.size_bytes for piece in draft.pieces], draft.have, late_s=self._limits.late_s
        )
        last_chance = self._clock() + self._limits.patience_s
        async with self._ended_workers():
            while not board.complete:
                self._start_workers(draft, board)
                if self._workers:
                    last_chance = self._clock() + self._limits.patience_s
                    await asyncio.wait(
                        self._workers.values(),
                        timeout=self._limits.look_s,
                        return_when=asyncio.FIRST_COMPLETED,
                    )
                    self._reap_workers()
                elif self._clock() > last_chance:
                    raise self._no_source()
                else:
                    await asyncio.sleep(self._limits.look_s)

    def _start_workers(self, draft: Draft, board: PieceBoard) -> None:
        now = self._clock()
        for source in self._book.usable(self._sources(), now):
            if len(self._workers) >= self._limits.sources_at_once:
                return
            if source in self._workers or (number := board.take(source, now)) is None:
                continue
            self._workers[source] = asyncio.create_task(self._work(draft, board, source, number))

    def _reap_workers(self) -> None:
        for source, task in list(self._workers.items()):
            if task.done():
                del self._workers[source]
                task.result()

    @asynccontextmanager
    async def _ended_workers(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            workers, self._workers = self._workers, {}
            for task in workers.values():
                task.cancel()
            await asyncio.gather(*workers.values(), return_exceptions=True)

    async def _work(self, draft: Draft, board: PieceBoard, source: NodeId, first: int) -> None:
        """Fetch pieces from one machine, as long as there are some and it behaves. Raises OSError."""
        number: int | None = first
        while number is not None:
            try:
                if not await self._bring(draft, board, source, number):
                    return
            finally:
                board.put_back(number, source)
            number = board.take(source, self._clock())

    async def _bring(self, draft: Draft, board: PieceBoard, source: NodeId, number: int) -> bool:
        """Whether the machine may be asked for more."""
        piece, seen = draft.pieces[number], 0

        def wanted(got_bytes: int) -> bool:
            nonlocal seen
            self._speed.note(got_bytes - seen, self._clock())
            seen = got_bytes
            board.coming(number, source, got_bytes)
            return board.is_missing(number)

        try:
            data = await self._peers.piece(source, self._id, piece, wanted=wanted)
        except SourceFailed as error:
            self._failed(source, error)
            return False
        if data is None:
            return True
        if not await asyncio.to_thread(draft.write, piece, data):
            self._lied(source, "a piece that it sent is not what its checksum says")
            return False
        board.brought(number, source, self._clock())
        self._book.answered(source)
        return True

    # --- the end

    async def _is_right(self, draft: Draft) -> bool:
        """Read everything back. Raises OSError, CopyFailed."""
        self._verifying = True
        steps = draft.verify()
        try:
            while await asyncio.to_thread(next, steps, None) is not None:
                pass
        except CopyFailed:
            await asyncio.to_thread(draft.remove)
            raise
        finally:
            self._verifying = False
        return draft.missing_bytes == 0

    # --- sources

    def _failed(self, source: NodeId, error: SourceFailed) -> None:
        _LOG.info(
            "a machine failed while a model was copied from it",
            model=self._model,
            node=self._name_of(source),
            error=str(error),
        )
        self._book.failed(source, self._clock())

    def _lied(self, source: NodeId, reason: str) -> None:
        name = self._name_of(source)
        _LOG.warning(
            "a machine sent something else than the model; it isn't asked any more",
            model=self._model,
            node=name,
            reason=reason,
        )
        self._note = f"{name} sent wrong data and isn't asked any more"
        self._book.lied(source)

    def _no_source(self) -> NoSource:
        return NoSource(
            f"no machine that has model {self._model!r} can be reached; what has come is kept, ask again when one is on"
            + (f" ({self._note})" if self._note else "")
        )


def _readable(error: OSError) -> CopyFailed | NoRoom:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoRoom("the disk is full; what has come is kept: make room and ask again")
    return CopyFailed(f"the model can't be written into the folder of models: {error.strerror}")
