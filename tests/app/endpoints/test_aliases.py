"""Aliases: kept, refused, and used: one name for models that are called differently."""

from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from corral.app.endpoints.alias_book import Alias
from corral.app.endpoints.aliased import AliasedEndpoints
from corral.app.upstream.client import UpstreamClient
from tests.app.api.serving import ADMIN_KEY, serving
from tests.app.endpoints.test_over_http import added, listed, said
from tests.app.upstream.asking import endpoint_over
from tests.engines.echo_files import write_echo
from tests.fakes.ollama_server import OllamaModel, ollama_server
from tests.fakes.openai_server import FakeOpenAI, Plan, openai_server
from tests.fakes.vllm_server import vllm_server

PATH = "/v0/aliases"
FAST = Alias(id="1", name="Fast", targets=("big", "small"), created_at=1.0)


def names(endpoint: Any) -> list[str]:
    return [model.id for model in endpoint.models()]


async def test_an_alias_means_the_first_target_that_a_place_has() -> None:
    client = UpstreamClient()
    both = endpoint_over("http://h", client, names={"small": "s", "big": "b"}, id="both")
    one = endpoint_over("http://h", client, names={"small": "s"}, id="one")
    none = endpoint_over("http://h", client, names={"other": "o"}, id="none")
    aliases = {"fast": FAST}
    endpoints = AliasedEndpoints(lambda: [both, one, none], lambda: aliases)
    first, second, third = endpoints()
    assert [each.listed_name(" FAST ") for each in (first, second, third)] == ["big", "small", None]
    assert [names(each) for each in (first, second, third)] == [
        ["small", "big", "Fast"],
        ["small", "Fast"],
        ["other"],
    ]
    assert first.listed_name("small") == "small"
    assert (first.id, first.name, second.slots("fast")) == (both.id, both.name, one.slots("small"))
    assert [id(each) for each in endpoints()] == [id(first), id(second), id(third)]


async def test_an_alias_may_take_in_a_model_of_its_name() -> None:
    client = UpstreamClient()
    own = endpoint_over("http://h", client, names={"fast": "f"}, id="own")
    other = endpoint_over("http://h", client, names={"small": "s"}, id="other")
    endpoints = AliasedEndpoints(lambda: [own, other], lambda: {"fast": FAST})
    assert [each.listed_name("fast") for each in endpoints()] == ["fast", "small"]
    assert [names(each) for each in endpoints()] == [["Fast"], ["small", "Fast"]]


async def test_without_aliases_endpoints_are_as_they_are() -> None:
    one = endpoint_over("http://h", UpstreamClient())
    aliases: dict[str, Alias] = {}
    endpoints = AliasedEndpoints(lambda: [one], lambda: aliases)
    assert endpoints() == [one]


async def test_two_servers_under_one_name(tmp_path: Path) -> None:
    """Both get their share; answers, streams and the list have the name that was asked for."""
    llama = OllamaModel(name="llama3.1:8b")
    async with (
        ollama_server(pulled=[llama], plan=Plan(start_delay_s=0.01)) as ollama,
        vllm_server(name="meta-llama/Llama-3.1-8B-Instruct", plan=Plan(start_delay_s=0.01)) as vllm,
        serving(tmp_path) as node,
        node.http(ADMIN_KEY) as http,
        node.openai() as client,
    ):
        await added(http, ollama, "ollama")
        await added(http, vllm, "vllm")
        made = await http.post(PATH, json={"name": "llama", "targets": [llama.name, vllm.models[0]]})
        assert (made.status_code, made.json()["targets"]) == (201, ["llama3.1:8b", vllm.models[0]])
        assert (await listed(node))["llama"]["nodes"] == ["ollama", "vllm"]
        for _ in range(6):
            assert await said(client, "llama") == "Hello, world!"
        answer = await client.chat.completions.create(
            model="llama", messages=[{"role": "user", "content": "x"}]
        )
        assert answer.model == "llama"
        asked = Counter(each.json["model"] for fake in (ollama, vllm) for each in chats(fake))
        assert asked.keys() == {"llama3.1:8b", "meta-llama/Llama-3.1-8B-Instruct"}
        await ollama.stop()
        for _ in range(4):
            assert await said(client, "llama") == "Hello, world!"
        alias = f"{PATH}/{made.json()['id']}"
        assert (await http.delete(alias)).json() == {"removed": True}
        with pytest.raises(openai.NotFoundError):
            await said(client, "llama")
        assert (await http.delete(alias)).json()["error"]["code"] == "alias_not_found"


def chats(fake: FakeOpenAI) -> list[Any]:
    return [each for each in fake.inferences if each.path == "/v1/chat/completions"]


async def test_models_of_this_machine_and_embeddings_too(tmp_path: Path) -> None:
    write_echo(tmp_path)
    async with (
        openai_server(models=["text-embedding-3-small"]) as fake,
        serving(tmp_path) as node,
        node.http(ADMIN_KEY) as http,
        node.openai() as client,
    ):
        await added(http, fake)
        made = await http.post(PATH, json={"name": "house", "targets": ["parrot"]})
        assert "hi" in await said(client, "house")
        changed = await http.put(f"{PATH}/{made.json()['id']}", json={"targets": ["text-embedding-3-small"]})
        assert changed.json()["name"] == "house"
        vectors = await client.embeddings.create(model="house", input="x", encoding_format="float")
        assert vectors.model == "house"
        assert fake.inferences[-1].json["model"] == "text-embedding-3-small"


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"name": "n"}, "missing_field", "targets"),
    ({"name": "n", "targets": []}, "invalid_value", "targets"),
    ({"name": "", "targets": ["m"]}, "invalid_value", "name"),
    ({"name": "a\nb", "targets": ["m"]}, "invalid_value", "name"),
    ({"name": "a:b:c", "targets": ["m"]}, "invalid_value", "name"),
    ({"name": "openai:gpt", "targets": ["m"]}, "invalid_value", "name"),
    ({"name": "n", "targets": ["a:b:c"]}, "invalid_value", "targets"),
    ({"name": "n", "targets": ["m"], "colour": "red"}, "invalid_value", "colour"),
    ({"name": "TAKEN", "targets": ["m"]}, "duplicate_name", "name"),
]


async def test_what_is_wrong_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as http:
        first = (await http.post(PATH, json={"name": "taken", "targets": ["m", "M", "other"]})).json()
        assert first["targets"] == ["m", "other"]
        for body, code, param in WRONG:
            await _refused(await http.post(PATH, json=body), body, code, param)
        second = (await http.post(PATH, json={"name": "second", "targets": ["openai:gpt-4o"]})).json()
        await _refused(
            await http.put(f"{PATH}/{second['id']}", json={"name": "Taken"}), {}, "duplicate_name", "name"
        )
        assert (await http.put(f"{PATH}/{first['id']}", json={"name": "Taken"})).status_code == 200
        shown = (await http.get(PATH)).json()
        assert ([each["name"] for each in shown["aliases"]], shown["total"]) == (["second", "Taken"], 2)


async def _refused(answer: httpx.Response, body: dict[str, Any], code: str, param: str) -> None:
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param), (body, answer.text)


async def test_a_model_of_the_cloud_may_be_meant(tmp_path: Path) -> None:
    async with openai_server(models=["gpt-5"]) as fake:
        settings = {"openai_api_key": "sk-cloud", "openai_base_url": fake.base_url}
        async with (
            serving(tmp_path, settings=settings) as node,
            node.http(ADMIN_KEY) as http,
            node.openai() as client,
        ):
            await http.post(PATH, json={"name": "best", "targets": ["openai:gpt-5"]})
            assert await said(client, "best") == "Hello, world!"
            assert fake.inferences[-1].json["model"] == "gpt-5"
