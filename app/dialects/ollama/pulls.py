"""POST /api/pull: what a client sees of a model that comes to a machine, until it is there. Pure, but for the waiting."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson

_POLL_S = 0.5
_ENDED = frozenset({"done", "failed", "cancelled"})
_UNHEARD = 20  # looks in vain; then the machine that fetches it seems to be gone
_HUBS = ("hf.co/", "huggingface.co/")

Copy = Mapping[str, Any]  # as GET /v0/models/copies shows it
Line = dict[str, Any]


def repository_name(name: str) -> str:
    """Ollama's `hf.co/ORG/MODEL:QUANTISATION` as it is called here."""
    hub = next((each for each in _HUBS if name.lower().startswith(each)), "")
    return name[len(hub) :]


def coming(name: str, copies: Sequence[Copy]) -> Copy | None:
    """The copy of a model that is under way."""
    wanted = name.lower()
    return next(
        (each for each in copies if each["model"].lower() == wanted and each["state"] not in _ENDED), None
    )


async def there_already() -> AsyncGenerator[Line, None]:
    """The lines for a model that some machine has: all can use it."""
    yield {"status": "pulling manifest"}
    yield {"status": "success"}


async def copy_lines(
    begun: Copy,
    copies: Callable[[], Sequence[Copy]],
    *,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncGenerator[Line, None]:
    """The lines for a copy that has begun; it goes on when nobody watches it any more. `copies`: as they are now."""
    yield {"status": "pulling manifest"}
    copy, unheard = begun, 0
    while copy["state"] not in _ENDED:
        yield _progress(copy)
        await pause(_POLL_S)
        found = next((each for each in copies() if each["id"] == begun["id"]), None)
        copy, unheard = (copy, unheard + 1) if found is None else (found, 0)
        if unheard > _UNHEARD:
            yield {"error": "the machine doesn't say any more how the download goes; is it on?"}
            return
    if copy["state"] == "done":
        yield {"status": "success"}
    else:
        yield {"error": str(copy["error"] or "the download was cancelled")}


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


def _progress(copy: Copy) -> Line:
    if copy["state"] == "verifying":
        return {"status": "verifying sha256 digest"}
    return {
        "status": f"pulling {copy['model']}",
        "digest": copy["model"],
        "total": copy["bytes_total"],
        "completed": copy["bytes_downloaded"],
    }
