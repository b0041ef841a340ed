"""Keys for the whole cluster: sealed, on every machine at once, never shown."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corral.app.cloud.keys import CloudKeys
from corral.app.cloud.providers import GOOGLE, OPENAI
from corral.app.settings import default_settings
from corral.peers.replication.ledger import Ledger
from tests.app.api.serving import ADMIN_KEY, Serving
from tests.app.cloud.providers import CLOUDS, MODELS, behind
from tests.app.store.files import dump, opened
from tests.app.store.machines import machines
from tests.fakes.cloud_server import KEY, CloudServer, Failure
from tests.fakes.openai_cloud_server import OpenAICloud

CLUSTER_KEY, OTHER_KEY = b"k" * 32, b"o" * 32


async def loaded(
    ledger: Ledger, folder: Path, *, cluster_key: bytes = CLUSTER_KEY, **settings: Any
) -> CloudKeys:
    keys = CloudKeys(ledger, replace(default_settings(folder), **settings), cluster_key=lambda: cluster_key)
    await keys.load()
    return keys


async def test_what_is_set_for_the_cluster_wins(tmp_path: Path) -> None:
    async with opened(tmp_path) as files:
        keys = await loaded(files.ledger, tmp_path, openai_api_key="own")
        assert (keys.of(OPENAI).api_key, keys.of(OPENAI).from_cluster) == ("own", False)
        await keys.set(OPENAI, api_key="common", base_url=None)
        assert (keys.of(OPENAI).api_key, keys.of(OPENAI).from_cluster) == ("common", True)
        await keys.set(OPENAI, api_key=None, base_url="https://a.example/v1/")
        assert (keys.of(OPENAI).api_key, keys.of(OPENAI).base_url) == ("common", "https://a.example")
        assert keys.present() == {"openai": True, "google": False, "anthropic": False}
        await keys.remove(OPENAI)
        assert (keys.of(OPENAI).api_key, keys.of(OPENAI).base_url) == ("own", OPENAI.base_url)
        await keys.set(OPENAI, api_key="again", base_url=None)
        assert keys.of(OPENAI).api_key == "again"


async def test_they_outlive_the_program_and_can_not_be_read_without_the_clusters_key(tmp_path: Path) -> None:
    async with opened(tmp_path) as files:
        await (await loaded(files.ledger, tmp_path)).set(GOOGLE, api_key="hard to guess", base_url=None)
    assert "hard to guess" not in await asyncio.to_thread(dump, tmp_path)
    async with opened(tmp_path) as files:
        assert (await loaded(files.ledger, tmp_path)).of(GOOGLE).api_key == "hard to guess"
        stranger = await loaded(files.ledger, tmp_path, cluster_key=OTHER_KEY)
        assert stranger.of(GOOGLE).api_key is None


async def test_they_count_on_every_machine(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b") as both:
        here = await loaded(both["a"].ledger, tmp_path)
        there = await loaded(both["b"].ledger, tmp_path)
        assert there.of(OPENAI).api_key is None
        await here.set(OPENAI, api_key="common", base_url=None)
        await both.cluster.until_equal()
        assert there.of(OPENAI).api_key == "common"
        await there.remove(OPENAI)
        await both.cluster.until_equal()
        assert here.of(OPENAI).api_key is None


async def status(node: Serving, server: CloudServer) -> dict[str, Any]:
    async with node.http(ADMIN_KEY) as http:
        answer = await http.get("/v0/cloud")
    assert KEY not in answer.text
    [found] = [each for each in answer.json()["providers"] if each["provider"] == server.prefix[:-1]]
    return dict(found)


@pytest.mark.parametrize("cloud", CLOUDS, ids=lambda cloud: cloud.prefix)
async def test_a_key_is_tried_out_and_brings_the_models(tmp_path: Path, cloud: type[CloudServer]) -> None:
    async with behind(cloud, tmp_path, key=None) as (node, server), node.http(ADMIN_KEY) as http:
        path = f"/v0/cloud/{server.prefix[:-1]}"
        assert (await status(node, server))["key_present"] is False
        wrong = (await http.put(path, json={"api_key": "wrong-key-0123456789"})).json()
        assert wrong["key_present"] and "corral cloud set" in wrong["last_error"] and wrong["models"] == 0
        right = await http.put(path, json={"api_key": KEY})
        assert KEY not in right.text
        assert (right.json()["key_source"], right.json()["last_error"]) == ("cluster", None)
        listed = [each["id"] for each in (await http.get("/v1/models")).json()["data"]]
        assert MODELS[server.prefix] in listed and right.json()["models"] == len(listed) > 0
        one = (await http.get(f"/v1/models/{MODELS[server.prefix]}")).json()
        assert one["capabilities"]["chat_completion"] and one["ready"]
        stats = (await http.get("/v0/dashboard/stats")).json()
        assert stats[f"{server.prefix[:-1]}_key_present"] is True
        gone = (await http.delete(path)).json()
        assert (gone["key_present"], gone["models"]) == (False, 0)
        assert (await http.get("/v1/models")).json()["data"] == []
        audit = await http.get("/v0/audit")
        assert path in audit.text and KEY not in audit.text


async def test_the_list_is_fetched_once_and_kept_when_that_fails(tmp_path: Path) -> None:
    async with behind(OpenAICloud, tmp_path) as (node, server), node.http() as http:
        for _ in range(3):
            await node.cloud.refresh_if_due()
        assert server.lists == 1
        before = (await http.get("/v1/models")).json()["data"]
        server.list_failures += [Failure(status=500, headers={"retry-after": "0"})] * 3
        await node.cloud.refresh()
        assert (await http.get("/v1/models")).json()["data"] == before
        assert "planned 500" in (await status(node, server))["last_error"]
        await node.cloud.refresh()
        assert (await status(node, server))["last_error"] is None


async def test_what_is_refused(tmp_path: Path) -> None:
    wrong: list[dict[str, Any]] = [
        {},
        {"api_key": "two words"},
        {"api_key": "a", "more": 1},
        {"base_url": "ftp://a"},
        {"base_url": "https://user@a"},
        {"base_url": "https://a?b=c"},
        {"base_url": "https://[a"},
    ]
    async with behind(OpenAICloud, tmp_path) as (node, _), node.http(ADMIN_KEY) as http:
        answers = [await http.put("/v0/cloud/openai", json=body) for body in wrong]
        found = [(each.status_code, each.json()["error"]["code"]) for each in answers]
        assert found == [(400, "invalid_value")] * len(wrong)
        unknown = await http.put("/v0/cloud/nobody", json={"api_key": "a"})
        assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "provider_not_found")
