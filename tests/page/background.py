"""Servers of tests/fakes for tests that are not async: each on a loop in a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import TypeVar

Server = TypeVar("Server")


@contextmanager
def in_background(server: AbstractAsyncContextManager[Server]) -> Iterator[Server]:
    """Runs it, as in `with in_background(openai_server()) as upstream`."""
    running: Future[tuple[Server, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        over = asyncio.Event()
        try:
            async with server as started:
                running.set_result((started, asyncio.get_running_loop(), over))
                await over.wait()
        except Exception as error:
            if running.done():
                raise
            running.set_exception(error)
        await asyncio.sleep(0)  # lets the transports that were closed just now end

    thread = threading.Thread(target=asyncio.run, args=(run(),), name="fake server")
    thread.start()
    try:
        started, loop, over = running.result()
        try:
            yield started
        finally:
            loop.call_soon_threadsafe(over.set)
    finally:
        thread.join()
