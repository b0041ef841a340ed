"""The router lists and loads models of all machines."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from corral.app.cluster.errors import NoSuchNode
from corral.app.model_copy.errors import CantCopy
from corral.app.placing.assembly import Placing
from corral.app.placing.wire import LOAD_PATH
from corral.app.serving.errors import PeerFailed
from corral.engines.errors import ModelNotFound
from tests.app.model_copy.machines import CLAIM, Machine, lan
from tests.engines.echo_files import write_echo
from tests.engines.waiting import until


@asynccontextmanager
async def placed(folder: Path) -> AsyncIterator[tuple[Placing, Sequence[Machine]]]:
    """The router's, and two machines: the second one has `parrot`, both have `gull`."""
    for number, names in enumerate([["gull"], ["gull", "parrot"]]):
        (folder / str(number)).mkdir()
        for name in names:
            write_echo(folder / str(number), name, load_seconds=0.0)
    async with lan(folder, 2) as machines:
        placings = [_placing(machine) for machine in machines]
        for machine, placing in zip(machines, placings, strict=True):
            machine.more_routes.update({route.path: route for route in placing.routes()})
            placing.supervise(machine.supervisor)
        await until(lambda: len(placings[0].places.documents()) == 2, "the router to hear of the models")
        sums = [(machines[0], "gull"), (machines[1], "gull"), (machines[1], "parrot")]
        await until(lambda: all(each.id_of(model) for each, model in sums), "files to be read")
        yield placings[0], machines


def _placing(machine: Machine) -> Placing:
    return Placing(
        pool=machine.pool,
        copying=machine.copying,
        members=machine.members,
        client=machine.client,
        others=machine.others,
        claim=lambda: CLAIM,
        accepts=lambda claim: claim == CLAIM,
        elsewhere={},
        patience_s=60.0,
    )


def place(placing: Placing, model: str, machine: Machine) -> dict[str, Any]:
    for document in placing.places.documents():
        for each in document["places"]:
            if (document["id"], each["id"]) == (model, machine.node):
                return dict(each)
    raise AssertionError((model, machine.name))


async def test_every_model_once(tmp_path: Path) -> None:
    async with placed(tmp_path) as (placing, (anna, bert)):
        gull, parrot = placing.places.documents()
        assert [gull["id"], parrot["id"]] == ["gull", "parrot"]
        assert [each["id"] for each in gull["places"]] == [anna.node, bert.node]
        assert [(each["this"], each["model"]) for each in gull["places"]] == [(True, "gull"), (False, "gull")]
        assert parrot["places"][0]["name"] == bert.name
        assert parrot["capabilities"] == ["chat", "completion", "embeddings", "rerank"]


async def test_loaded_and_unloaded_on_another_machine(tmp_path: Path) -> None:
    async with placed(tmp_path) as (placing, (_, bert)):
        done = await placing.control.load(model="parrot", node=bert.name)
        assert done == {"model": "parrot", "node": {"id": bert.node, "name": bert.name}, "done": True}
        await until(lambda: place(placing, "parrot", bert)["state"] == "loaded", "the router to hear of it")
        assert place(placing, "parrot", bert)["slots"]
        own, other = placing.places.live()
        assert (own["known"], own["models"], other["known"]) == (1, [], 2)
        assert [(each["model"], each["state"]) for each in other["models"]] == [("parrot", "loaded")]
        await placing.control.unload(model="parrot", node=bert.node)
        await until(lambda: place(placing, "parrot", bert)["state"] == "on_disk", "the router to hear of it")


async def test_on_the_router_itself(tmp_path: Path) -> None:
    async with placed(tmp_path) as (placing, (anna, _)):
        assert (await placing.control.load(model="gull", node=anna.node))["done"]
        assert place(placing, "gull", anna)["state"] == "loaded"


async def test_refusals(tmp_path: Path) -> None:
    async with placed(tmp_path) as (placing, (anna, bert)):
        with pytest.raises(ModelNotFound, match=f"^{bert.name}: "):
            await placing.control.load(model="owl", node=bert.node)
        with pytest.raises(ModelNotFound):
            await placing.control.load(model="parrot", node=anna.node)
        with pytest.raises(NoSuchNode):
            await placing.control.load(model="parrot", node="nobody")
        del anna.more_routes[LOAD_PATH]
        with pytest.raises(PeerFailed):
            await _placing(bert).control.load(model="gull", node=anna.node)


async def test_a_machine_that_is_off(tmp_path: Path) -> None:
    async with placed(tmp_path) as (placing, (_, bert)):
        await placing.control.load(model="parrot", node=bert.node)
        await bert.die()
        shown = place(placing, "parrot", bert)
        assert (shown["online"], shown["state"], shown["slots"]) == (False, "on_disk", None)
        with pytest.raises(CantCopy, match="is not there now"):
            await placing.control.load(model="parrot", node=bert.node)


async def test_an_old_router_is_refused(tmp_path: Path) -> None:
    async with placed(tmp_path) as (placing, (_, bert)):
        stale = Placing(
            pool=bert.pool,
            copying=bert.copying,
            members=bert.members,
            client=bert.client,
            others=bert.others,
            claim=lambda: "",
            accepts=lambda claim: False,
            elsewhere={},
        )
        bert.more_routes.update({route.path: route for route in stale.routes()})
        with pytest.raises(Exception, match="follows a newer router"):
            await placing.control.load(model="parrot", node=bert.node)
