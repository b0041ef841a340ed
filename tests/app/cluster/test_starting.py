"""What a node says of its cluster between the opening of its HTTP port and that of its peer port."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from corral.app.cluster.claims import Claims
from corral.app.front_door.routing import NOBODY
from corral.engines.echo import EchoEngine
from corral.engines.library import Library
from corral.engines.limits import PoolLimits
from corral.engines.pool import ModelPool
from corral.peers.election.elector import Preference, State
from corral.peers.identity.identity import load_identity
from tests.app.cluster.lone import Lone, lone_node
from tests.app.store.files import opened


@pytest_asyncio.fixture
async def starting(tmp_path: Path) -> AsyncIterator[Lone]:
    """Built, and not open."""
    pool = ModelPool(library=Library(folder=tmp_path), engines=(EchoEngine(),), limits=PoolLimits())
    async with opened(tmp_path) as (ledger, _):
        identity = await asyncio.to_thread(load_identity, tmp_path / "identity")
        lone = lone_node(tmp_path, identity, ledger, pool, name="desk", now=lambda: 5.0)
        yield lone
        await lone.client.close()


async def test_requests_wait_for_a_router_before_it_takes_part(starting: Lone) -> None:
    claims = Claims(lambda: starting.membership.cluster)
    assert claims.routing() == NOBODY
    assert claims.current() == ""
    assert not claims.accepts("1.a")


async def test_it_tells_what_it_knows_before_it_takes_part(starting: Lone) -> None:
    control = starting.membership.control
    assert control.role == "joining"
    assert control.document()["elections"] == []
    assert control.local()["router"] is None
    assert control.numbers().online == 1


async def test_a_preference_may_be_set_before_it_takes_part(starting: Lone) -> None:
    cluster = starting.membership.cluster
    cluster.set_preference(Preference(pinned=True))
    assert cluster.state is State.JOINING
    async with starting.running():
        assert cluster.is_open
