"""The copies that this machine makes: begun once for each model, gone on with after a restart, remembered for a while."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import structlog

from corral.app.model_copy.download import Download, Limits
from corral.app.model_copy.draft import Draft, check_room, find_drafts, is_base, model_drafts
from corral.app.model_copy.errors import CantCopy, CopyError, CopyFailed, NoSuchCopy
from corral.app.model_copy.file_sum import FileSum
from corral.app.model_copy.manifest import ModelSum
from corral.app.model_copy.peer_source import PeerSource
from corral.app.model_copy.sum_keeper import SumKeeper
from corral.app.model_copy.wire import Ask
from corral.app.serving.load_report import MOST_COPIES, CopyLive
from corral.engines.catalog import base_of
from corral.engines.model import ModelFile
from corral.peers.ids import NodeId

AT_ONCE = 2
MOST_WAITING = 100
REMEMBERED_S = 600.0  # what has ended
_MOST_NAME = 200
_SHOWN = 400  # letters of an error
_LOG = structlog.get_logger(__name__)


class State(StrEnum):
    """How far a copy is."""

    WAITING = "waiting"  # for others to end, or for somebody to send
    FETCHING = "fetching"
    VERIFYING = "verifying"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more comes of it."""
        return self in (State.DONE, State.FAILED, State.CANCELLED)


class Transfer(Protocol):
    """A model on its way here, from wherever. `run` it once; the properties say how it goes."""

    @property
    def verifying(self) -> bool: ...

    @property
    def done_bytes(self) -> int: ...

    @property
    def total_bytes(self) -> int | None: ...

    @property
    def active_sources(self) -> int: ...

    @property
    def bytes_per_s(self) -> int: ...

    @property
    def note(self) -> str: ...

    async def run(self) -> Sequence[FileSum]:
        """What is known of the files that are there then. Raises CopyError."""

    async def discard(self) -> None:
        """Remove what has come, after `run` has ended. Raises OSError."""

    async def pause(self) -> None:
        """Keep what has come until somebody asks again, after `run` has ended. Raises OSError."""


@dataclass(slots=True, kw_only=True)
class _Copy:
    model: str
    id: ModelSum
    size_bytes: int
    download: Transfer
    task: asyncio.Task[None] | None = None
    outcome: State | None = None
    error: str = ""
    ended_at: float = 0.0


class Copies:
    """Keep `run` running: copies end with it."""

    def __init__(
        self,
        *,
        folder: Path,
        models: Callable[[], Sequence[ModelFile]],
        rescan: Callable[[], Awaitable[object]],
        sums: SumKeeper,
        peers: PeerSource,
        sources: Callable[[ModelSum], Sequence[NodeId]],
        name_of: Callable[[NodeId], str],
        limits: Limits = Limits(),  # noqa: B008 - frozen
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Models go to `folder`, and `rescan` makes the library see them; `sources` are who says now that it has a model."""
        self._folder = folder
        self._models = models
        self._rescan = rescan
        self._sums = sums
        self._peers = peers
        self._sources = sources
        self._name_of = name_of
        self._limits = limits
        self._clock = clock
        self._copies: dict[ModelSum, _Copy] = {}
        self._places = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Go on with what an earlier start left, then keep copies going until cancelled; what has come stays."""
        try:
            for draft in await asyncio.to_thread(find_drafts, self._folder):
                self._resume(draft)
            await asyncio.Event().wait()
        finally:
            tasks = [copy.task for copy in self._copies.values() if copy.task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def begin(self, ask: Ask) -> CopyLive:
        """Begin to fetch a model, unless that is under way. Raises CantCopy, NoRoom, CopyFailed."""
        id = ModelSum(ask.id)
        copy = self._copies.get(id)
        if copy is None or copy.outcome is not None:
            self._check_wanted(ask)
            await self._check_room(ask)
            copy = self._copies.get(id)  # another one may have asked meanwhile
        if copy is None or copy.outcome is not None:
            if sum(not self._live(each).ended for each in self._copies.values()) >= MOST_WAITING:
                raise CantCopy(f"{MOST_WAITING} models wait to be copied already; try again later")
            copy = self._start(ask.model, id, ask.size_bytes)
        return self._shown(copy)

    def under_way(self, id: ModelSum) -> CopyLive | None:
        """How a copy goes that has not ended."""
        copy = self._copies.get(id)
        return None if copy is None or copy.outcome is not None else self._shown(copy)

    def fetch(self, *, model: str, id: ModelSum, size_bytes: int, make: Callable[[], Transfer]) -> CopyLive:
        """Begin what `make` makes, unless `id` is under way."""
        return self.under_way(id) or self._shown(self._begun(model, id, size_bytes, make()))

    async def cancel(self, id: ModelSum, *, keep: bool = False) -> None:
        """Stop, and remove what has come, or `keep` it for another time. Raises NoSuchCopy, CopyFailed."""
        copy = self._copies.get(id)
        if copy is None:
            raise NoSuchCopy
        if copy.task is not None:
            copy.task.cancel()
            await asyncio.wait([copy.task])
        if copy.outcome is State.DONE:
            raise NoSuchCopy
        try:
            await (copy.download.pause() if keep else copy.download.discard())
        except OSError as error:
            failure = CopyFailed(f"what has come can't be removed: {error.strerror}")
            self._end(copy, State.FAILED, failure.message)
            raise failure from error
        self._end(copy, State.CANCELLED)

    def progress(self) -> Sequence[CopyLive]:
        """Those that are under way, and those that ended lately; at most MOST_COPIES, the latest of each first."""
        now = self._clock()
        for id, copy in list(self._copies.items()):
            if copy.outcome is not None and now - copy.ended_at > REMEMBERED_S:
                del self._copies[id]
        latest = list(reversed(self._copies.values()))
        under_way = [copy for copy in latest if copy.outcome is None]
        ended = [copy for copy in latest if copy.outcome is not None]
        return [self._shown(copy) for copy in [*under_way, *ended][:MOST_COPIES]]

    # --- beginning

    def _check_wanted(self, ask: Ask) -> None:
        base = ask.model.partition(":")[0].lower()
        if len(ask.model) > _MOST_NAME or not ask.model.isascii() or not is_base(base):
            raise CantCopy(f"{ask.model[:100]!r} is not a model's name")
        if self._sums.find(ask.id) is not None:
            raise CantCopy("this machine has the model already")
        for file in self._models():
            if (
                file.error is None
                and base_of(file) == base
                and file.quantization.lower() == ask.quantization.lower()
            ):
                raise CantCopy(
                    f"this machine has a model {file.name} already, perhaps another version of it; remove its file first"
                )

    async def _check_room(self, ask: Ask) -> None:
        def look() -> None:
            drafts = model_drafts(self._folder, ModelSum(ask.id))
            needed_bytes = drafts[0].missing_bytes if drafts else ask.size_bytes
            check_room(self._folder, needed_bytes, keep_free_bytes=self._limits.keep_free_bytes)

        try:
            await asyncio.to_thread(look)
        except OSError as error:
            raise CopyFailed(f"the folder of models can't be used: {error.strerror}") from error

    def _resume(self, draft: Draft) -> None:
        if draft.id not in self._copies and self._sums.find(draft.id) is None:
            _LOG.info("going on with a copy", model=draft.model)
            self._start(draft.model, draft.id, draft.manifest.size_bytes)

    def _start(self, model: str, id: ModelSum, size_bytes: int) -> _Copy:
        download = Download(
            model=model,
            id=id,
            folder=self._folder,
            peers=self._peers,
            sources=lambda: self._sources(id),
            name_of=self._name_of,
            limits=self._limits,
        )
        return self._begun(model, id, size_bytes, download)

    def _begun(self, model: str, id: ModelSum, size_bytes: int, download: Transfer) -> _Copy:
        copy = _Copy(model=model, id=id, size_bytes=size_bytes, download=download)
        self._copies.pop(id, None)  # the latest comes last
        self._copies[id] = copy
        copy.task = asyncio.create_task(self._make(copy), name=f"copy of {model}")
        return copy

    async def _make(self, copy: _Copy) -> None:
        try:
            async with self._places:
                sums = await copy.download.run()
            try:
                await self._rescan()
            finally:  # cancelled or not, the model is there
                self._sums.adopt(sums)
                self._end(copy, State.DONE)
            _LOG.info("a model was copied", model=copy.model, bytes=copy.size_bytes)
        except CopyError as error:
            self._end(copy, State.FAILED, error.message)
            _LOG.warning("copying a model failed", model=copy.model, error=error.message)
        except Exception:  # noqa: BLE001 - whatever it is, who watches must see that it ended
            self._end(copy, State.FAILED, "something went wrong inside this machine; its log says more")
            _LOG.exception("copying a model failed", model=copy.model)

    def _end(self, copy: _Copy, outcome: State, error: str = "") -> None:
        copy.outcome, copy.error, copy.ended_at = outcome, error, self._clock()

    # --- showing

    def _live(self, copy: _Copy) -> State:
        if copy.outcome is not None:
            return copy.outcome
        if copy.download.verifying:
            return State.VERIFYING
        return State.FETCHING if copy.download.active_sources else State.WAITING

    def _shown(self, copy: _Copy) -> CopyLive:
        download = copy.download
        total_bytes = download.total_bytes or copy.size_bytes
        done = copy.outcome is State.DONE
        return CopyLive(
            model=copy.model,
            id=copy.id,
            state=self._live(copy).value,
            done_bytes=total_bytes if done else min(download.done_bytes, total_bytes),
            total_bytes=total_bytes,
            sources=0 if copy.outcome else download.active_sources,
            bytes_per_s=0 if copy.outcome else download.bytes_per_s,
            error=copy.error[:_SHOWN],
            note=download.note[:_SHOWN],
        )
