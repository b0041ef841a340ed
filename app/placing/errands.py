"""Loading and unloading of this machine's models for somebody who doesn't wait until it is done."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

import structlog

from corral.engines.errors import EngineError
from corral.engines.model import LoadedInfo

PATIENCE_S = 2.0
_LOG = structlog.get_logger(__name__)


class Models(Protocol):
    """What this needs of `engines.pool.ModelPool`."""

    async def load(self, name: str) -> LoadedInfo: ...

    async def unload(self, name: str) -> None: ...


class Errands:
    """Keep `run` running: what is under way ends with it."""

    def __init__(self, models: Models, *, patience_s: float = PATIENCE_S) -> None:
        """What takes longer than `patience_s` goes on by itself; the model's state says how it ends."""
        self._models = models
        self._patience_s = patience_s
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            await asyncio.Event().wait()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def load(self, model: str) -> bool:
        """Whether it is loaded already. Raises EngineError if it can't be."""
        return await self._begun(self._models.load(model), f"loading {model[:100]}")

    async def unload(self, model: str) -> bool:
        """Whether it is unloaded already; one that answers is when it has ended. Raises EngineError."""
        return await self._begun(self._models.unload(model), f"unloading {model[:100]}")

    async def _begun(self, errand: Coroutine[Any, Any, object], name: str) -> bool:
        task = asyncio.create_task(errand, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        done, _ = await asyncio.wait([task], timeout=self._patience_s)
        if done:
            task.result()
        return bool(done)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            shown = error.message if isinstance(error, EngineError) else repr(error)
            _LOG.info("a model that was asked for by name failed", errand=task.get_name(), error=shown)
