"""Every test with Python's own loop, and with the one that nodes use where it exists."""

from collections.abc import AsyncIterator

import pytest_asyncio

from corral.app.upstream.client import UpstreamClient
from tests.app.http1.conftest import pytest_asyncio_loop_factories

__all__ = ["client", "pytest_asyncio_loop_factories"]


@pytest_asyncio.fixture
async def client() -> AsyncIterator[UpstreamClient]:
    """One that is closed at the end."""
    opened = UpstreamClient()
    yield opened
    await opened.close()
