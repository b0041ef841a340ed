"""Every test here runs on both event loops that the product uses."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import pytest_asyncio
import uvloop

from corral.peers.identity.identity import Identity, load_identity
from tests.peers.transport.machines import Machine, Machines


@pytest.hookimpl
def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """By name."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="package")
def identities(tmp_path_factory: pytest.TempPathFactory) -> list[Identity]:
    """Some machines' keys."""
    folder = tmp_path_factory.mktemp("identities")
    return [load_identity(folder / str(number)) for number in range(4)]


@pytest_asyncio.fixture
async def machines(identities: list[Identity]) -> AsyncIterator[Machines]:
    """Machines on loopback that know each other as members until the test says otherwise."""
    started = Machines(identities)
    yield started
    await started.stop()


@pytest_asyncio.fixture
async def alice(machines: Machines) -> Machine:
    """A machine that asks."""
    return await machines.start(0)


@pytest_asyncio.fixture
async def bob(machines: Machines) -> Machine:
    """A machine that answers."""
    return await machines.start(1)
