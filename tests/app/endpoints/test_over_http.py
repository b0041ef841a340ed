"""Endpoints over HTTP: added, detected, used, changed, removed."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.app.api.serving import ADMIN_KEY, NODE, Serving, serving
from tests.app.store.files import dump
from tests.engines.echo_files import write_echo
from tests.engines.waiting import until
from tests.fakes.lm_studio_server import lm_studio_server
from tests.fakes.ollama_server import LLAMA, OllamaModel, ollama_server
from tests.fakes.openai_server import MODEL, SOUND, FakeOpenAI, Plan, openai_server
from tests.fakes.vllm_server import vllm_server

PATH = "/v0/endpoints"
SECRET = "sk-upstream-secret"


async def added(
    http: httpx.AsyncClient, fake: FakeOpenAI | str, name: str = "box", **more: Any
) -> dict[str, Any]:
    url = fake if isinstance(fake, str) else fake.base_url
    answer = await http.post(PATH, json={"name": name, "base_url": url, **more})
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def said(client: openai.AsyncOpenAI, model: str) -> str:
    stream = await client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "hi"}], stream=True
    )
    pieces = []
    async for chunk in stream:
        assert chunk.model == model
        pieces += [choice.delta.content or "" for choice in chunk.choices]
    return "".join(pieces)


async def listed(node: Serving) -> dict[str, dict[str, Any]]:
    async with node.http() as http:
        return {model["id"]: model for model in (await http.get("/v1/models")).json()["data"]}


def shown(node: Serving) -> dict[str, Any]:
    """The first endpoint, as events tell it."""
    document: dict[str, Any] = node.watch.snapshot(everything=False)["endpoints"][0]
    return document


async def test_an_ollama_server_serves_as_soon_as_it_is_added(tmp_path: Path) -> None:
    embedder = OllamaModel(name="nomic-embed-text:latest", digest="e1", capabilities=("embedding",))
    async with (
        ollama_server(pulled=[LLAMA, embedder]) as fake,
        serving(tmp_path) as node,
        node.http(ADMIN_KEY) as http,
        node.openai() as client,
    ):
        box = await added(http, f"{fake.base_url}/v1/")
        assert (box["type"], box["type_detected"], box["status"]) == ("ollama", True, "online")
        assert (box["base_url"], box["models"], box["has_api_key"]) == (fake.base_url, 2, False)
        models = await listed(node)
        assert models["llama3.2:latest"]["nodes"] == ["box"]
        assert models["llama3.2:latest"]["context_length"] == 131072
        assert models["nomic-embed-text:latest"]["capabilities"]["embeddings"]
        for name in ("llama3.2:latest", "llama3.2", "LLAMA3.2:latest"):
            assert await said(client, name) == "Hello, world!"
        vectors = await client.embeddings.create(model="nomic-embed-text", input="x", encoding_format="float")
        assert vectors.data[0].embedding == [0.5, 0.25]
        with pytest.raises(openai.BadRequestError, match="embeddings"):
            await said(client, "nomic-embed-text")
        found = (await http.get(f"{PATH}/{box['id']}/models")).json()
        assert [(each["id"], each["quantization"]) for each in found["models"]] == [
            ("llama3.2:latest", "Q4_K_M"),
            ("nomic-embed-text:latest", "Q4_K_M"),
        ]


async def test_removing_and_switching_off_count_at_once(tmp_path: Path) -> None:
    async with (
        openai_server() as fake,
        serving(tmp_path) as node,
        node.http(ADMIN_KEY) as http,
        node.openai() as client,
    ):
        box = await added(http, fake)
        one = f"{PATH}/{box['id']}"
        assert await said(client, MODEL) == "Hello, world!"
        assert (await http.put(one, json={"enabled": False})).json()["enabled"] is False
        with pytest.raises(openai.NotFoundError):
            await said(client, MODEL)
        assert MODEL not in await listed(node)
        await http.put(one, json={"enabled": True})
        assert await said(client, MODEL) == "Hello, world!"
        assert (await http.delete(one)).json() == {"removed": True}
        with pytest.raises(openai.NotFoundError):
            await said(client, MODEL)
        assert (await http.get(one)).json()["error"]["code"] == "endpoint_not_found"
        assert (await http.get(PATH)).json() == {"endpoints": [], "total": 0}
        again = await added(http, fake)
        assert (again["id"] != box["id"], again["models"]) == (True, 1)


async def test_another_address_counts_at_once(tmp_path: Path) -> None:
    async with (
        openai_server() as old,
        ollama_server(pulled=[OllamaModel(name=MODEL)], plan=Plan(words=["new"])) as new,
        serving(tmp_path) as node,
        node.http(ADMIN_KEY) as http,
        node.openai() as client,
    ):
        box = await added(http, old)
        assert await said(client, MODEL) == "Hello, world!"
        answer = await http.put(f"{PATH}/{box['id']}", json={"base_url": new.base_url, "name": "renamed"})
        assert (answer.json()["base_url"], answer.json()["name"]) == (new.base_url, "renamed")
        assert await said(client, MODEL) == "new"
        await until(lambda: shown(node)["type"] == "ollama", "it is looked at anew")


async def test_keys_are_kept_sealed_and_sent(tmp_path: Path) -> None:
    async with (
        vllm_server(key=SECRET) as fake,
        serving(tmp_path) as node,
        node.http(ADMIN_KEY) as http,
        node.openai() as client,
    ):
        box = await added(http, fake, api_key="wrong")
        assert (box["status"], box["has_api_key"]) == ("error", True)
        assert "refused the API key" in box["last_error"]
        tested = (await http.post(f"{PATH}/{box['id']}/test")).json()
        assert (tested["success"], tested["models_found"]) == (False, 0)
        synced = await http.post(f"{PATH}/{box['id']}/sync")
        assert (synced.status_code, synced.json()["error"]["code"]) == (502, "endpoint_failed")
        changed = await http.put(f"{PATH}/{box['id']}", json={"api_key": SECRET})
        assert SECRET not in changed.text
        tested = (await http.post(f"{PATH}/{box['id']}/test")).json()
        assert tested["endpoint_info"] == {"type": "vllm", "version": "0.10.2"}
        assert (tested["success"], tested["models_found"], tested["error"]) == (True, 1, None)
        await http.post(f"{PATH}/{box['id']}/sync")
        assert await said(client, fake.models[0]) == "Hello, world!"
        assert fake.inferences[-1].headers["authorization"] == f"Bearer {SECRET}"
        everything = [await http.get(path) for path in (PATH, f"{PATH}/{box['id']}", "/v0/audit")]
        assert not any(SECRET in answer.text for answer in everything)
        audit = everything[-1].json()["entries"]
        assert {"Add an endpoint", "Change an endpoint", "Test an endpoint"} <= {
            each["action"] for each in audit
        }
        async with node.http(None) as stranger:
            assert SECRET not in (await stranger.get("/metrics")).text
    kept = dump(tmp_path)
    assert SECRET not in kept and "sealed_key" in kept


async def test_lists_are_taken_over(tmp_path: Path) -> None:
    qwen = OllamaModel(name="qwen3:4b", digest="d2")
    async with ollama_server() as fake, serving(tmp_path) as node, node.http(ADMIN_KEY) as http:
        box = await added(http, fake)
        sync = f"{PATH}/{box['id']}/sync"
        same = {"synced_models": 1, "added": [], "removed": [], "updated": []}
        assert (await http.post(sync)).json() == same
        fake.pull(OllamaModel(name=LLAMA.name, digest="d3", size=5), qwen)
        changed = {"added": ["qwen3:4b"], "removed": [], "updated": ["llama3.2:latest"]}
        assert (await http.post(sync)).json() == {"synced_models": 2, **changed}
        assert (await listed(node))["llama3.2:latest"]["size_bytes"] == 5
        fake.pull(qwen)
        assert (await http.post(sync)).json()["removed"] == ["llama3.2:latest"]
        assert list(await listed(node)) == ["qwen3:4b"]
        await fake.stop()
        gone = await http.post(sync)
        assert (gone.status_code, gone.json()["error"]["code"]) == (503, "endpoint_unreachable")
        assert "can't be reached" in gone.json()["error"]["message"]


WRONG: list[tuple[dict[str, Any], str, str | None]] = [
    ({}, "missing_field", "name"),
    ({"name": "n"}, "missing_field", "base_url"),
    ({"name": "", "base_url": "http://h"}, "invalid_value", "name"),
    ({"name": " n", "base_url": "http://h"}, "invalid_value", "name"),
    ({"name": "n", "base_url": "ftp://h"}, "invalid_value", "base_url"),
    ({"name": "n", "base_url": "http://u:p@h"}, "invalid_value", "base_url"),
    ({"name": "n", "base_url": "http://localhost:32768"}, "invalid_value", "base_url"),
    ({"name": "n", "base_url": f"http://{NODE}:32768/v1"}, "invalid_value", "base_url"),
    ({"name": "n", "base_url": "http://h", "type": "other"}, "invalid_value", "type"),
    ({"name": "n", "base_url": "http://h", "api_key": "a b"}, "invalid_value", "api_key"),
    ({"name": "n", "base_url": "http://h", "health_check_interval_secs": 9}, "invalid_value", None),
    ({"name": "n", "base_url": "http://h", "inference_timeout_secs": 0}, "invalid_value", None),
    ({"name": "n", "base_url": "http://h", "weight": 0}, "invalid_value", "weight"),
    ({"name": "n", "base_url": "http://h", "colour": "red"}, "invalid_value", "colour"),
]


async def test_what_is_wrong_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as http:
        for body, code, param in WRONG:
            answer = await http.post(PATH, json=body)
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (400, code), (body, answer.text)
            assert param is None or error["param"] == param, (body, answer.text)
        assert (await http.get(PATH)).json()["total"] == 0


async def test_names_and_addresses_are_given_once(tmp_path: Path) -> None:
    async with openai_server() as fake, serving(tmp_path) as node, node.http(ADMIN_KEY) as http:
        box = await added(http, fake)
        same_name = await http.post(PATH, json={"name": "BOX", "base_url": "http://127.0.0.1:1"})
        assert (same_name.status_code, same_name.json()["error"]["code"]) == (400, "duplicate_name")
        same_url = await http.post(PATH, json={"name": "other", "base_url": f"{fake.base_url}/v1"})
        assert (same_url.status_code, same_url.json()["error"]["code"]) == (409, "duplicate_endpoint")
        other = await added(http, "http://127.0.0.1:1", "other", type="vllm")
        assert (other["status"], other["type"], other["type_detected"]) == ("error", "vllm", False)
        renamed = await http.put(f"{PATH}/{other['id']}", json={"name": "box"})
        assert renamed.json()["error"]["code"] == "duplicate_name"
        moved = await http.put(f"{PATH}/{other['id']}", json={"base_url": fake.base_url})
        assert moved.json()["error"]["code"] == "duplicate_endpoint"
        assert (await http.put(f"{PATH}/{box['id']}", json={"name": "Box", "type": None})).status_code == 200


async def test_a_front_door_of_the_cluster_is_no_endpoint(tmp_path: Path) -> None:
    """Under whatever name it is reached: it says which cluster it is."""
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as http:
        answer = await http.post(PATH, json={"name": "me", "base_url": node.url})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "base_url")
        assert "this cluster" in answer.json()["error"]["message"]
        assert (await http.get(PATH)).json()["total"] == 0


async def test_another_cluster_is_an_endpoint_like_others(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "own").mkdir()
    write_echo(tmp_path / "other")
    async with (
        serving(tmp_path / "other") as other,
        serving(tmp_path / "own") as node,
        node.http(ADMIN_KEY) as http,
        node.openai() as client,
    ):
        box = await added(http, other.url, api_key=await other.key_with({"api"}))
        assert (box["type"], box["models"], box["status"]) == ("openai_compatible", 1, "online")
        assert (await listed(node))["parrot"]["capabilities"]["chat_completion"]
        assert "hi" in await said(client, "parrot")


async def test_the_dashboard_the_events_and_prometheus_show_them(tmp_path: Path) -> None:
    async with lm_studio_server() as fake, serving(tmp_path) as node, node.http(ADMIN_KEY) as http:
        await added(http, fake)
        overview = (await http.get("/v0/dashboard/overview")).json()
        assert [(each["name"], each["type"], each["models"]) for each in overview["endpoints"]] == [
            ("box", "lm_studio", 3)
        ]
        assert (overview["stats"]["endpoints"], overview["stats"]["endpoints_online"]) == (2, 2)
        shown = node.watch.snapshot(everything=False)["endpoints"]
        assert [each["status"] for each in shown] == ["online"]
        text = (await http.get("/metrics")).text
        assert 'corral_endpoint_online{endpoint="box"} 1.0' in text
        assert 'corral_endpoint_models{endpoint="box"} 3.0' in text
        assert 'corral_endpoint_latency_seconds{endpoint="box"}' in text


async def test_what_fails_is_noticed_by_the_requests(tmp_path: Path) -> None:
    """Long before the next look is due."""
    async with (
        openai_server() as fake,
        serving(tmp_path) as node,
        node.http(ADMIN_KEY) as http,
        node.openai() as client,
    ):
        box = await added(http, fake, health_check_interval_secs=300)
        await fake.stop()
        with pytest.raises(openai.InternalServerError):
            await said(client, MODEL)
        await until(lambda: shown(node)["status"] == "offline", "it is offline")
        assert "can't be reached" in shown(node)["last_error"] and shown(node)["failing_since"] is not None
        with pytest.raises(openai.InternalServerError, match="nobody can serve"):
            await said(client, MODEL)
        await fake.start()
        assert (await http.post(f"{PATH}/{box['id']}/test")).json()["success"] is True
        assert (shown(node)["status"], shown(node)["failing_since"]) == ("online", None)
        assert await said(client, MODEL) == "Hello, world!"


async def test_every_route_goes_to_the_model_that_is_made_for_it(tmp_path: Path) -> None:
    """With the endpoint's own key; also the Responses API, which the server need not have."""
    models = ["chat-model", "whisper-1", "tts-1", "dall-e-3", "bge-reranker"]
    async with (
        openai_server(models=models, key=SECRET) as fake,
        serving(tmp_path) as node,
        node.http(ADMIN_KEY) as http,
        node.openai() as client,
    ):
        await added(http, fake, api_key=SECRET)
        sound = await client.audio.speech.create(model="tts-1", voice="alloy", input="x")
        assert sound.content == SOUND
        heard = await client.audio.transcriptions.create(model="whisper-1", file=("a.wav", SOUND))
        assert heard.text == "what was said"
        assert (await client.images.generate(model="dall-e-3", prompt="x")).data
        ranked = await http.post(
            "/v1/rerank", json={"model": "bge-reranker", "query": "x", "documents": ["a", "b"]}
        )
        assert [each["index"] for each in ranked.json()["results"]] == [0, 1]
        answer = await client.responses.create(model="chat-model", input="hi")
        assert answer.output_text == "Hello, world!"
        with pytest.raises(openai.BadRequestError, match="speech"):
            await client.audio.speech.create(model="chat-model", voice="alloy", input="x")
        assert {each.headers["authorization"] for each in fake.received} == {f"Bearer {SECRET}"}


async def test_two_at_the_same_time_can_not_take_one_name(tmp_path: Path) -> None:
    async with openai_server() as fake, serving(tmp_path) as node, node.http(ADMIN_KEY) as http:
        body = {"name": "box", "base_url": fake.base_url}
        answers = await asyncio.gather(*(http.post(PATH, json=body) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [201, 400, 400, 400]
        assert (await http.get(PATH)).json()["total"] == 1


async def test_what_is_removed_while_it_is_looked_at_stays_away(tmp_path: Path) -> None:
    async with openai_server() as fake, serving(tmp_path) as node, node.http(ADMIN_KEY) as http:
        box = await added(http, fake)
        syncs = [http.post(f"{PATH}/{box['id']}/sync") for _ in range(3)]
        *answers, removed = await asyncio.gather(*syncs, http.delete(f"{PATH}/{box['id']}"))
        assert removed.status_code == 200
        assert {answer.status_code for answer in answers} <= {200, 404}
        assert (await http.get(PATH)).json()["total"] == 0


async def test_the_same_model_on_two_servers_is_one(tmp_path: Path) -> None:
    async with (
        openai_server(models=["Llama-3"], plan=Plan(status=500)) as broken,
        openai_server(models=["llama-3"]) as well,
        serving(tmp_path) as node,
        node.http(ADMIN_KEY) as http,
        node.openai() as client,
    ):
        await added(http, broken, "broken")
        await added(http, well, "well")
        (model,) = (await listed(node)).values()
        assert (model["id"].lower(), model["nodes"]) == ("llama-3", ["broken", "well"])
        for _ in range(4):
            assert await said(client, "LLAMA-3") == "Hello, world!"
        assert well.inferences[-1].json["model"] == "llama-3"


async def test_a_server_is_tested_before_it_is_added(tmp_path: Path) -> None:
    async with vllm_server(key=SECRET) as fake, serving(tmp_path) as node, node.http(ADMIN_KEY) as http:
        wrong = (await http.post(f"{PATH}/test", json={"base_url": fake.base_url})).json()
        assert not wrong["success"] and "refused the API key" in wrong["error"]
        found = (await http.post(f"{PATH}/test", json={"base_url": fake.base_url, "api_key": SECRET})).json()
        assert found["endpoint_info"] == {"type": "vllm", "version": "0.10.2"}
        assert (found["success"], found["models"]) == (True, fake.models)
        nobody = (await http.post(f"{PATH}/test", json={"base_url": "127.0.0.1:9"})).json()
        assert not nobody["success"] and "'127.0.0.1:9' can't be reached" in nobody["error"]
        crooked = await http.post(f"{PATH}/test", json={"base_url": "ftp://x"})
        assert (crooked.status_code, crooked.json()["error"]["param"]) == (400, "base_url")
        assert (await http.get(PATH)).json()["total"] == 0
