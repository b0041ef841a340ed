"""Opening files in threads for tasks that may be cancelled meanwhile."""

import asyncio
from collections.abc import Awaitable
from typing import Protocol, TypeVar


class _Closable(Protocol):
    def close(self) -> None: ...


T = TypeVar("T", bound=_Closable | None)


async def opened(opening: Awaitable[T]) -> T:
    """What the thread opened. A caller that is cancelled waits no longer, and what is then opened is closed again."""
    future = asyncio.ensure_future(opening)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        future.add_done_callback(_close)
        raise


def _close(future: "asyncio.Future[T]") -> None:
    if not future.cancelled() and future.exception() is None and (found := future.result()) is not None:
        found.close()
