"""POST /api/pull: what a client sees of a model that comes, until it is there. Pure, but for the waiting."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

import orjson

_POLL_S = 0.5
_COMING = frozenset({"pending", "caching"})

FindModel = Callable[[], Mapping[str, Any] | None]
Line = dict[str, Any]


async def pull_lines(
    find: FindModel, *, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> AsyncGenerator[Line, None]:
    """The lines of one pull. `find`: the model as GET /v1/models lists it now; None once nobody has it any more."""
    yield {"status": "pulling manifest"}
    while (document := find()) is not None and document["lifecycle_status"] in _COMING:
        if (progress := document["download_progress"]) is not None:
            yield progress_line(document, progress)
        await pause(_POLL_S)
    if document is None:
        yield {"error": "the download was cancelled"}
    elif document["lifecycle_status"] == "error":
        progress = document["download_progress"] or {}
        yield {"error": str(progress.get("error") or document["error"] or "the download failed")}
    else:
        yield {"status": "success"}


def progress_line(document: Mapping[str, Any], progress: Mapping[str, Any]) -> Line:
    """How much of a model has come."""
    return {
        "status": f"pulling {document['id']}",
        "digest": document["id"],
        "total": progress["bytes_total"],
        "completed": progress["bytes_downloaded"],
    }


async def encoded(lines: AsyncGenerator[Line, None]) -> AsyncGenerator[bytes, None]:
    """JSON lines."""
    async for line in lines:
        yield orjson.dumps(line) + b"\n"


async def last_of(lines: AsyncGenerator[Line, None]) -> Line:
    """What came of it, for clients that don't want to watch."""
    last: Line = {}
    async for line in lines:
        last = line
    return last
