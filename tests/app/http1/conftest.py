"""Every test with Python's own loop, and with the one that nodes use where it exists."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

from corral.app.server import loop_factory


@pytest.hookimpl
def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "node": loop_factory() or asyncio.new_event_loop}
