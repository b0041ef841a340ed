"""Registered models on several machines: downloaded where they are wanted, copied, served and removed from afar."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from corral.app.model_copy.errors import CantCopy
from corral.app.registry.assembly import ModelRegistry
from corral.app.registry.book import ModelBook
from corral.app.registry.errors import CantRemove, NotRegistered
from corral.app.registry.order import encode
from corral.app.registry.registry import Wanted
from corral.app.registry.wire import PULL_PATH, REMOVE_PATH
from corral.app.settings import default_settings
from corral.engines.model_folders import MARKER
from tests.app.model_copy.machines import CLAIM, DEVICES, Machine, known, lan
from tests.app.registry.downloading import FILE, LIMITS, MODEL, REPO, order_of, origin_of
from tests.app.store.files import opened
from tests.engines.waiting import until
from tests.fakes.hub_server import HubServer, hub_server
from tests.models.synth_gguf import write_llama

NAME = f"{MODEL}:Q4_K_M"


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The first machine is the router; its registry is asked."""

    machines: Sequence[Machine]
    registry: ModelRegistry
    hub: HubServer


@asynccontextmanager
async def cluster(folder: Path) -> AsyncIterator[Cluster]:
    """Two machines and a hub with one model."""
    write_llama(folder / FILE)
    (folder / "machines").mkdir()
    async with hub_server() as hub, opened(folder) as (ledger, _), lan(folder / "machines", 2) as machines:
        hub.put(REPO, FILE, (folder / FILE).read_bytes())
        book = ModelBook(ledger)
        await book.load()
        registries = [_registry(machine, book, hub) for machine in machines]
        try:
            yield Cluster(machines=machines, registry=registries[0], hub=hub)
        finally:
            for each in registries:
                await each.close()


def _registry(machine: Machine, book: ModelBook, hub: HubServer) -> ModelRegistry:
    registry = ModelRegistry(
        settings=replace(default_settings(machine.models), models_dir=machine.models, hf_base_url=hub.url),
        book=book,
        pool=machine.pool,
        copying=machine.copying,
        client=machine.client,
        members=machine.members,
        others=machine.others,
        devices=lambda: DEVICES,
        claim=lambda: CLAIM,
        accepts=lambda claim: claim == CLAIM,
        listed=lambda model: machine.pool.find(model) is not None,
        patience_s=lambda: 10.0,
        program="0.0.1",
        limits=LIMITS,
    )
    machine.more_routes.update({route.path: route for route in registry.routes()})
    return registry


async def pulled(parts: Cluster, to: Machine) -> None:
    await parts.registry.registry.pull(Wanted(repo=REPO), to=to.node)
    await until(lambda: bool(to.id_of(MODEL)), "the model to come")


async def test_another_machine_downloads(tmp_path: Path) -> None:
    async with cluster(tmp_path) as parts:
        _, bert = parts.machines
        await pulled(parts, bert)
        assert bert.files() == {f"{MODEL}/{FILE}", f"{MODEL}/{MARKER}"}
        await known(bert, MODEL, [parts.machines[0]])
        (document,) = parts.registry.registry.documents()
        assert [each["id"] for each in document["nodes"]] == [bert.node]
        assert document["lifecycle_status"] == "registered"


async def test_what_another_machine_has_is_copied_from_there(tmp_path: Path) -> None:
    async with cluster(tmp_path) as parts:
        anna, bert = parts.machines
        await pulled(parts, bert)
        await known(bert, MODEL, [anna])
        parts.hub.asked.clear()
        await parts.registry.registry.pull(Wanted(repo=MODEL), to=anna.node)
        await until(lambda: bool(anna.id_of(MODEL)), "the copy")
        assert parts.hub.asked == []
        assert anna.files() == {f"{MODEL}/{FILE}", f"{MODEL}/{MARKER}"}


async def test_files_are_served_from_another_machine(tmp_path: Path) -> None:
    async with cluster(tmp_path) as parts:
        anna, bert = parts.machines
        await pulled(parts, bert)
        await known(bert, MODEL, [anna])
        parts.hub.asked.clear()
        answer = await parts.registry.files.blob(NAME, "bytes=3-9")
        assert b"".join([chunk async for chunk in answer.body]) == (tmp_path / FILE).read_bytes()[3:10]
        assert (answer.status, parts.hub.asked) == (206, [])


async def test_a_model_is_removed_from_one_machine_and_from_all(tmp_path: Path) -> None:
    async with cluster(tmp_path) as parts:
        anna, bert = parts.machines
        registry = parts.registry.registry
        await pulled(parts, bert)
        await known(bert, MODEL, [anna])
        with pytest.raises(NotRegistered):
            await registry.remove(NAME, node=anna.node)
        gone = await registry.remove(MODEL, node=bert.node)
        assert (gone["unregistered"], [each["id"] for each in gone["nodes"]]) == (False, [bert.node])
        assert bert.files() == set()
        assert len(registry.documents()) == 1
        await until(lambda: registry.documents()[0]["nodes"] == [], "the router to know")
        assert (await registry.remove(MODEL, node=None))["unregistered"] is True
        assert registry.documents() == []


async def test_without_a_wish_the_best_machine_downloads(tmp_path: Path) -> None:
    async with cluster(tmp_path) as parts:
        copy = await parts.registry.registry.pull(Wanted(repo=REPO), to=None)
        assert copy["node"]["id"] in [each.node for each in parts.machines]
        await until(lambda: any(each.id_of(MODEL) for each in parts.machines), "the model to come")


async def test_a_router_of_the_past_is_refused(tmp_path: Path) -> None:
    async with cluster(tmp_path) as parts, origin_of(parts.hub) as origin:
        anna, bert = parts.machines
        order = await order_of(origin, FILE)
        for path, body in ((PULL_PATH, encode(order)), (REMOVE_PATH, b'{"model": "x"}'), (PULL_PATH, b"{}")):
            answer = await anna.client.open(bert.node, "POST", path, body=body)
            assert answer.status == 409
            await answer.aclose()


async def test_a_machine_that_is_gone_removes_nothing(tmp_path: Path) -> None:
    async with cluster(tmp_path) as parts:
        anna, bert = parts.machines
        await pulled(parts, bert)
        await known(bert, MODEL, [anna])
        await bert.server.stop(grace_s=0.0)
        with pytest.raises((CantRemove, CantCopy)):
            await parts.registry.registry.remove(MODEL, node=bert.node)
