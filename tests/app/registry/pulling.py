"""A hub in a thread of its own, for tests that run nodes and commands as processes."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.fakes.hub_server import HubServer, hub_server

_DEADLINE_S = 30.0


@contextmanager
def hub_in_thread() -> Iterator[HubServer]:
    """It serves until the block ends. Its files and faults may be changed from outside."""
    begun = threading.Event()
    found: list[HubServer] = []
    ends: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        async with hub_server() as hub:
            end = asyncio.Event()
            found.append(hub)
            ends.append((asyncio.get_running_loop(), end))
            begun.set()
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert begun.wait(_DEADLINE_S)
        yield found[0]
    finally:
        loop, end = ends[0]
        loop.call_soon_threadsafe(end.set)
        thread.join(_DEADLINE_S)
