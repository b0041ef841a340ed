"""Ollama's official client on a real socket."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import ollama
import pytest
import pytest_asyncio

from corral.engines.llama.engine import LlamaEngine
from corral.engines.model import LoadOptions
from tests.app.api.serving import ADMIN_KEY, API_KEY, Serving, serving
from tests.engines.echo_files import write_echo
from tests.engines.gguf_files import write_gguf
from tests.engines.waiting import until
from tests.fakes.hub_server import hub_server
from tests.models.synth_gguf import write_llama

HELLO = [{"role": "user", "content": "hello wide world"}]
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer", "minimum": 0, "maximum": 9}},
            "required": ["a"],
            "additionalProperties": False,
        },
    },
}


def llama(node: Serving, key: str | None = API_KEY) -> ollama.AsyncClient:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    return ollama.AsyncClient(host=node.url, headers=headers, timeout=60)


@pytest_asyncio.fixture
async def node(tmp_path: Path) -> AsyncIterator[Serving]:
    write_echo(tmp_path, context_length=50)
    write_echo(tmp_path, "vectors-7b", capabilities=["embeddings"])
    write_echo(tmp_path, "base", capabilities=["completion"])
    async with serving(tmp_path) as running:
        yield running


@pytest_asyncio.fixture
async def client(node: Serving) -> AsyncIterator[ollama.AsyncClient]:
    async with llama(node) as client:
        yield client


@pytest.mark.parametrize("model", ["parrot", "parrot:latest", "Parrot"])
async def test_a_chat(client: ollama.AsyncClient, model: str) -> None:
    answer = await client.chat(model=model, messages=HELLO, options={"num_ctx": 2048})
    assert (answer.message.role, answer.message.content) == ("assistant", "hello wide world")
    assert (answer.model, answer.done, answer.done_reason) == (model, True, "stop")
    assert (answer.prompt_eval_count, answer.eval_count) == (3, 3)
    assert answer.total_duration and answer.load_duration is not None and answer.eval_duration is not None
    assert answer.created_at is not None and answer.created_at.endswith("Z")


async def test_a_chat_is_streamed(client: ollama.AsyncClient) -> None:
    parts = [part async for part in await client.chat(model="parrot", messages=HELLO, stream=True)]
    assert "".join(part.message.content or "" for part in parts) == "hello wide world"
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert (parts[-1].done_reason, parts[-1].eval_count) == ("stop", 3)
    limited = await client.chat(model="parrot", messages=HELLO, options={"num_predict": 1})
    assert limited.done_reason == "length"


async def test_prompts(client: ollama.AsyncClient) -> None:
    answer = await client.generate(model="parrot", prompt="one two", system="be brief")
    assert (answer.response, answer.prompt_eval_count) == ("one two", 4)
    parts = [part async for part in await client.generate(model="parrot", prompt="one two", stream=True)]
    assert "".join(part.response or "" for part in parts) == "one two"
    raw = await client.generate(model="parrot", prompt="one two", raw=True, options={"stop": ["two"]})
    assert raw.response == "one"
    base = await client.generate(model="base", prompt="once upon")
    assert base.response == "once upon", "a model without a chat template goes on with the text"


async def test_streaming_is_what_happens_unless_it_is_declined(node: Serving) -> None:
    """With curl's `-d`, which calls JSON a form."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    async with node.http() as http:
        answer = await http.post(
            "/api/generate", content=json.dumps({"model": "parrot", "prompt": "one two"}), headers=form
        )
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert "".join(line["response"] for line in lines) == "one two"
    assert lines[-1]["done"] is True and answer.headers["x-corral-node"] == "testnode"


async def test_a_model_is_loaded_by_an_empty_request(client: ollama.AsyncClient, node: Serving) -> None:
    assert (await client.ps()).models == []
    answer = await client.chat(model="parrot", messages=[])
    assert (answer.done_reason, answer.message.content) == ("load", "")
    (loaded,) = (await client.ps()).models
    assert (loaded.model, loaded.context_length) == ("parrot:latest", 50)
    assert (await client.generate(model="vectors-7b")).done_reason == "load"
    with pytest.raises(ollama.ResponseError, match="keep_alive"):
        await client.generate(model="parrot", keep_alive=0)


async def test_embeddings(client: ollama.AsyncClient) -> None:
    two = await client.embed(model="parrot", input=["a b", "c"], dimensions=5)
    assert [len(vector) for vector in two.embeddings] == [5, 5]
    assert (two.model, two.prompt_eval_count) == ("parrot", 3)
    one = await client.embed(model="parrot:latest", input="a b")
    old = await client.embeddings(model="parrot", prompt="a b")
    assert old.embedding == one.embeddings[0]
    assert (await client.embed(model="parrot", input=[])).embeddings == []


async def test_lists(client: ollama.AsyncClient) -> None:
    models = {model.model: model for model in (await client.list()).models}
    assert set(models) == {"parrot:latest", "vectors-7b:latest", "base:latest"}
    details = models["vectors-7b:latest"].details
    assert details is not None and details.parameter_size == "7B"
    assert len(models["parrot:latest"].digest or "") == 64
    shown = await client.show("parrot:latest")
    assert shown.capabilities == ["completion", "tools", "embedding"]
    assert shown.modelinfo is not None
    architecture = shown.modelinfo["general.architecture"]
    assert shown.modelinfo[f"{architecture}.context_length"] == 50
    assert (await client.show("base")).capabilities == ["completion"]


async def test_pulling_what_is_there(client: ollama.AsyncClient, node: Serving) -> None:
    assert (await client.pull("parrot:latest")).status == "success"
    statuses = [part.status async for part in await client.pull("parrot", stream=True)]
    assert statuses == ["pulling manifest", "success"]
    with pytest.raises(ollama.ResponseError) as caught:
        await client.pull("nobody")
    assert caught.value.status_code == 403, "only who manages may bring models"
    async with llama(node, ADMIN_KEY) as admin:
        with pytest.raises(ollama.ResponseError, match="model not found") as caught:
            await admin.pull("nobody")
        assert caught.value.status_code == 404
        with pytest.raises(ollama.ResponseError) as caught:
            await admin.delete("nobody")
        assert caught.value.status_code == 404


async def test_a_model_of_the_hub_comes_and_goes(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    file = write_gguf(tmp_path / "bird-Q4_0.gguf", texts={"tokenizer.chat_template": "{{ messages }}"})
    async with hub_server() as hub:
        hub.put("Acme/Bird", file.name, file.read_bytes())
        async with serving(models, hub_url=hub.url) as node, llama(node, ADMIN_KEY) as admin:
            lines = [part async for part in await admin.pull("hf.co/Acme/Bird", stream=True)]
            assert lines[0].status == "pulling manifest" and lines[-1].status == "success"
            async with llama(node) as client:
                assert [each.model for each in (await client.list()).models] == ["acme/bird:latest"]
                assert (await client.pull("acme/bird:latest")).status == "success"
                with pytest.raises(ollama.ResponseError) as caught:
                    await client.delete("acme/bird")
                assert caught.value.status_code == 403
            assert (await admin.delete("acme/bird:latest")).status == "success"
            assert (await admin.list()).models == []
            async with node.http(ADMIN_KEY) as http:
                entries = (await http.get("/v0/audit")).json()["entries"]
            assert {each["action"] for each in entries} >= {
                "Fetch a model, in Ollama's dialect",
                "Remove a model, in Ollama's dialect",
            }


async def test_errors(client: ollama.AsyncClient) -> None:
    async def failed(**fields: Any) -> tuple[int, str]:
        with pytest.raises(ollama.ResponseError) as caught:
            await client.chat(**{"model": "parrot", "messages": HELLO, **fields})
        return caught.value.status_code, caught.value.error

    status, words = await failed(model="nobody")
    assert status == 404 and "model not found" in words and "nobody" in words
    assert (await failed(model="vectors-7b"))[0] == 400
    picture = {"role": "user", "content": "see", "images": ["iVBORw0KGgo="]}
    status, words = await failed(messages=[picture])
    assert status == 400 and "reads text only" in words
    assert (await failed(messages=[{"role": "user", "content": "word " * 60}]))[0] == 400
    assert (await failed(options={"temperature": "hot"}))[0] == 400


async def test_what_is_done_in_another_way_here(client: ollama.AsyncClient) -> None:
    for asked in (
        client.copy("parrot", "other"),
        client.push("parrot"),
        client.create("new", from_="parrot"),
    ):
        with pytest.raises(ollama.ResponseError) as caught:
            await asked
        assert caught.value.status_code == 400 and caught.value.error


async def test_credentials(node: Serving) -> None:
    async with llama(node, None) as nobody, node.http(None) as http:
        with pytest.raises(ollama.ResponseError, match="OLLAMA_API_KEY") as caught:
            await nobody.chat(model="parrot", messages=HELLO)
        assert caught.value.status_code == 401
        assert (await http.get("/api/version")).json()["version"]
        assert (await http.get("/")).text == "Ollama is running"
        assert (await http.head("/")).status_code == 200
        for_people = await http.get("/", headers={"accept": "text/html"})
        assert (for_people.status_code, for_people.headers["location"]) == (302, "/dashboard")
        assert set((await http.get("/api/nowhere")).json()) == {"error"}
        assert set((await http.get("/api/chat")).json()) == {"error"}


async def test_programs_on_this_machine_need_no_key_where_that_is_set(tmp_path: Path) -> None:
    write_echo(tmp_path)
    async with serving(tmp_path, trust_loopback=True) as node, llama(node, None) as client:
        assert (await client.chat(model="parrot", messages=HELLO)).message.content == "hello wide world"


async def test_a_model_that_dies_ends_the_stream_with_an_error(tmp_path: Path) -> None:
    write_echo(tmp_path, "mortal", tokens_per_s=50, crash_after_tokens=3)
    asked = [{"role": "user", "content": "word " * 50}]
    async with serving(tmp_path) as node, llama(node) as client:
        with pytest.raises(ollama.ResponseError, match="ended"):
            async for _ in await client.chat(model="mortal", messages=asked, stream=True):
                pass


async def test_silence_is_filled(tmp_path: Path) -> None:
    write_echo(tmp_path, "sleepy", load_seconds=0.5)
    async with serving(tmp_path, keep_alive_s=0.05) as node, llama(node) as client:
        parts = [part async for part in await client.chat(model="sleepy", messages=HELLO, stream=True)]
    assert len(parts) > 5 and parts[0].message.content == ""
    assert parts[-1].load_duration and parts[-1].prompt_eval_duration == 0, "loading is told as loading"


async def test_leaving_frees_the_model(tmp_path: Path) -> None:
    write_echo(tmp_path, tokens_per_s=20)
    asked = [{"role": "user", "content": "word " * 3000}]
    async with serving(tmp_path) as node:

        def active() -> int:
            (status,) = node.pool.models()
            return status.live.active

        async with llama(node) as client:
            stream = await client.chat(model="parrot", messages=asked, stream=True)
            async for _ in stream:
                await until(lambda: active() == 1, "the answer is being made")
                break
            await stream.aclose()
        await until(lambda: active() == 0, "the model is free again")
        await until(lambda: node.admission.running == 0, "its place is free again")


async def test_the_history_has_what_was_said(node: Serving, client: ollama.AsyncClient) -> None:
    await client.chat(model="parrot:latest", messages=HELLO)
    async for _ in await client.generate(model="parrot", prompt="one", stream=True):
        pass
    await client.embed(model="parrot", input="a")
    chat, prompt, vectors = node.log.records
    assert [each.path for each in (chat, prompt, vectors)] == ["/api/chat", "/api/generate", "/api/embed"]
    assert (chat.model, chat.trace.tokens, prompt.trace.tokens) == ("parrot:latest", 6, 2)
    assert prompt.streamed and prompt.trace.events is not None


async def test_a_real_model_calls_tools(tmp_path: Path) -> None:
    write_llama(tmp_path / "tiny.gguf")
    load = LoadOptions(context_length=1024, max_sequences=2, threads=1)
    async with serving(tmp_path, engines=[LlamaEngine()], load=load) as node, llama(node) as client:
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {"a": {"enum": [1]}},
            "required": ["a"],
            "additionalProperties": False,
        }
        made = await client.chat(
            model="tiny", messages=HELLO, tools=[ADD], options={"num_predict": 20, "seed": 1}
        )
        assert made.done and made.done_reason in ("stop", "length")
        answer = await client.chat(model="tiny", messages=HELLO, format=schema)
        details = (await client.show("tiny")).details
    assert json.loads(answer.message.content or "") == {"a": 1}
    assert details is not None and details.family == "llama"


async def test_texts_too_long_to_be_embedded_are_cut(tmp_path: Path, embedding_model: Path) -> None:
    (tmp_path / "minilm.gguf").symlink_to(embedding_model)
    async with serving(tmp_path, engines=[LlamaEngine()]) as node, llama(node) as client:
        words = "word " * 3000
        cut = await client.embed(model="minilm", input=[words, "short"])
        assert [len(vector) for vector in cut.embeddings] == [384, 384]
        assert cut.prompt_eval_count is not None and 256 < cut.prompt_eval_count < 600
        with pytest.raises(ollama.ResponseError, match="tokens"):
            await client.embed(model="minilm", input=words, truncate=False)
