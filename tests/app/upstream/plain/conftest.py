"""Every test with Python's own loop, and with the one that nodes use where it exists."""

from tests.app.http1.conftest import pytest_asyncio_loop_factories

__all__ = ["pytest_asyncio_loop_factories"]
