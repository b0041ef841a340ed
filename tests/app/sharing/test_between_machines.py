"""The router pauses any machine."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from corral.app.cluster.errors import NoSuchNode
from corral.app.model_copy.errors import CantCopy
from corral.app.serving.errors import PeerFailed
from corral.app.sharing.assembly import Pausing
from corral.app.sharing.sharing import Sharing
from corral.app.sharing.wire import SHARING_PATH
from corral.engines.errors import EngineError
from tests.app.model_copy.machines import CLAIM, Machine, lan


def pausing_of(machine: Machine, *, claim: str = CLAIM) -> Pausing:
    return Pausing(
        node=machine.node,
        sharing=Sharing(),
        find=machine.copying.control.node,
        members=machine.members,
        client=machine.client,
        claim=lambda: claim,
        accepts=lambda claim: claim == CLAIM,
    )


@asynccontextmanager
async def two(folder: Path) -> AsyncIterator[tuple[Sequence[Machine], Sequence[Pausing]]]:
    """Machines, the router first, with what pauses them."""
    async with lan(folder, 2) as machines:
        pausings = [pausing_of(machine) for machine in machines]
        for machine, pausing in zip(machines, pausings, strict=True):
            machine.more_routes.update({route.path: route for route in pausing.routes()})
        yield machines, pausings


async def test_another_machine_by_name_and_by_id(tmp_path: Path) -> None:
    async with two(tmp_path) as ((_, bert), (here, there)):
        answer = await here.control.set_paused(bert.name, paused=True)
        assert answer == {"node": {"id": bert.node, "name": bert.name}, "paused": True}
        assert (here.sharing.paused, there.sharing.paused) == (False, True)
        assert (await here.control.set_paused(bert.node, paused=False))["paused"] is False
        assert there.sharing.paused is False


async def test_the_router_itself(tmp_path: Path) -> None:
    async with two(tmp_path) as ((anna, _), (here, there)):
        assert (await here.control.set_paused(anna.node, paused=True))["paused"] is True
        assert (here.sharing.paused, there.sharing.paused) == (True, False)


async def test_refusals(tmp_path: Path) -> None:
    async with two(tmp_path) as ((anna, bert), (here, there)):
        with pytest.raises(NoSuchNode):
            await here.control.set_paused("nobody", paused=True)
        with pytest.raises(EngineError, match="follows a newer router"):
            await pausing_of(anna, claim="old").control.set_paused(bert.node, paused=True)
        assert there.sharing.paused is False
        del bert.more_routes[SHARING_PATH]
        with pytest.raises(PeerFailed):
            await here.control.set_paused(bert.node, paused=True)
        await bert.die()
        with pytest.raises(CantCopy, match="is not there now"):
            await here.control.set_paused(bert.node, paused=True)
