"""Registered models over HTTP: every refusal, files, downloads on demand, removal."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.app.api.serving import ADMIN_KEY, API_KEY, Serving, serving
from tests.app.registry.downloading import gguf_bytes
from tests.engines.echo_files import write_echo
from tests.engines.gguf_files import write_gguf, write_split
from tests.engines.waiting import until
from tests.fakes.hub_server import COMMIT, HubServer, hub_server

ONE, MANY, BOTH, SAFE, SPLIT = (f"Acme/{name}" for name in ("One", "Many", "Both", "Safe", "Split"))
CHOOSE = {"filename", "gguf_policy", "quantization"}
DATA = gguf_bytes(200_000)


def filled(hub: HubServer, folder: Path) -> None:
    parrot = write_gguf(folder / "parrot-Q4_K_M.gguf", texts={"tokenizer.chat_template": "{{ messages }}"})
    hub.put(ONE, "parrot-Q4_K_M.gguf", parrot.read_bytes())
    hub.put(MANY, "a-Q8_0.gguf", DATA)
    hub.put(MANY, "a-Q4_0.gguf", DATA[:100_000])
    for name in ("model.safetensors", "config.json", "tokenizer.json", "a-Q4_0.gguf"):
        hub.put(BOTH, name, b"GGUF{}")
    for name in ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"):
        hub.put(SAFE, name, b"x" * 1000)
    for name in ("model.safetensors.index.json", "config.json", "tokenizer.json"):
        hub.put(SAFE, name, b"{}")
    hub.put("Acme/Bare", "model.safetensors", b"x")
    hub.put("Acme/NoIndex", "config.json", b"{}")
    hub.put("Acme/NoIndex", "tokenizer.json", b"{}")
    for name in ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"):
        hub.put("Acme/NoIndex", name, b"x")
    hub.put("Acme/Gated", "a-Q4_0.gguf", DATA)
    hub.gated.add("Acme/Gated")
    for path in write_split(folder / "split", "big-Q8_0", 2):
        hub.put(SPLIT, f"Q8_0/{path.name}", path.read_bytes())


@asynccontextmanager
async def served(
    folder: Path, **options: Any
) -> AsyncIterator[tuple[Serving, HubServer, httpx.AsyncClient, Path]]:
    """A node, the hub, an administrator's client, and the folder of models."""
    models = folder / "models"
    models.mkdir()
    async with hub_server() as hub:
        filled(hub, folder)
        async with serving(models, hub_url=hub.url, **options) as node, node.http(ADMIN_KEY) as http:
            yield node, hub, http, models


async def registered(http: httpx.AsyncClient, **body: str) -> dict[str, Any]:
    answer = await http.post("/v0/models/register", json=body)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def listed(http: httpx.AsyncClient, id: str) -> dict[str, Any]:
    answer = await http.get(f"/v1/models/{id}")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def arrived(http: httpx.AsyncClient, copy: dict[str, Any]) -> dict[str, Any]:
    """A copy, when it has ended."""
    found: list[dict[str, Any]] = []

    async with asyncio.timeout(20):
        while True:
            copies = (await http.get("/v0/models/copies")).json()["copies"]
            found[:] = [each for each in copies if each["id"] == copy["id"]]
            if found[0]["state"] in ("done", "failed", "cancelled"):
                return found[0]
            await asyncio.sleep(0.01)


CAN_NOT_BE_REGISTERED: list[tuple[dict[str, str], str, str]] = [
    ({}, "missing_field", "`repo` is missing"),
    ({"repo": ""}, "invalid_value", "repo"),
    ({"repo": "a/b/c"}, "invalid_value", "is no repository"),
    ({"repo": "../a"}, "invalid_value", "is no repository"),
    ({"repo": "https://evil.invalid/a/b"}, "invalid_value", "is no address of the hub"),
    ({"repo": "Acme/Nothing"}, "repository_not_found", "has no repository Acme/Nothing"),
    ({"repo": "Acme/Gated"}, "gated_repository", "set HF_TOKEN"),
    ({"repo": BOTH}, "format_required", "say which with `format`"),
    ({"repo": MANY}, "choice_required", "give `filename`, or `gguf_policy`"),
    ({"repo": MANY, "gguf_policy": "speed", "quantization": "Q8_0"}, "conflicting_fields", "either"),
    ({"repo": MANY, "gguf_policy": "best"}, "invalid_value", "gguf_policy"),
    ({"repo": MANY, "filename": "b.gguf"}, "file_not_found", "has no file 'b.gguf'"),
    ({"repo": MANY, "quantization": "Q2_K"}, "file_not_found", "it has Q4_0, Q8_0"),
    ({"repo": SAFE, "filename": "config.json"}, "wrong_file_kind", "not a GGUF or safetensors file"),
    (
        {"repo": MANY, "filename": "a-Q8_0.gguf", "format": "safetensors"},
        "wrong_file_kind",
        "a safetensors",
    ),
    ({"repo": f"{MANY}:Q8_0", "quantization": "Q4_0"}, "conflicting_fields", "another one than"),
    ({"repo": "Acme/Bare"}, "incomplete_repository", "no config.json and no tokenizer.json"),
    ({"repo": "Acme/NoIndex"}, "incomplete_repository", "no .safetensors.index.json"),
    ({"repo": ONE, "colour": "red"}, "invalid_value", "colour"),
]


async def test_what_can_not_be_registered(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, _, http, _):
        for body, code, says in CAN_NOT_BE_REGISTERED:
            answer = await http.post("/v0/models/register", json=body)
            error = answer.json()["error"]
            seen = answer.status_code, error["type"], error["code"]
            assert seen == (400, "invalid_request_error", code), body
            assert says in error["message"], body
        assert (await http.get("/v0/models")).json() == {"models": [], "total": 0}


async def test_a_model_is_registered_once_and_nothing_is_downloaded(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, hub, http, models):
        document = await registered(http, repo=f"{hub.url}/{ONE}/blob/main/parrot-Q4_K_M.gguf")
        assert (document["name"], document["quantization"], document["lifecycle_status"]) == (
            "acme/one",
            "Q4_K_M",
            "pending",
        )
        again = await http.post("/v0/models/register", json={"repo": ONE})
        assert (again.status_code, again.json()["error"]["code"]) == (400, "already_registered")
        assert "registered already" in again.json()["error"]["message"]
        assert (await http.get("/v0/models")).json()["models"] == [document]
        assert not any("resolve" in path for _, path, *_ in hub.asked)
        shown = await listed(http, "acme/one")
        assert (shown["lifecycle_status"], shown["ready"], shown["nodes"]) == ("pending", False, [])
        assert not any(path.name == "acme" for path in models.iterdir())


async def test_several_quantisations_have_names_of_their_own(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, _, http, _):
        assert (await registered(http, repo=MANY, gguf_policy="memory"))["name"] == "acme/many"
        assert (await registered(http, repo=MANY, gguf_policy="quality"))["name"] == "acme/many:Q8_0"
        names = [each["name"] for each in (await http.get("/v0/models")).json()["models"]]
        assert names == ["acme/many:Q4_0", "acme/many:Q8_0"]
        manifest = (await http.get("/v0/models/registry/ACME/Many:q8_0/manifest.json")).json()
        assert [each["name"] for each in manifest["files"]] == ["a-Q8_0.gguf"]


async def test_a_warning_when_no_machine_has_the_memory(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, hub, http, _):
        assert (await registered(http, repo=MANY, gguf_policy="memory"))["warnings"] == []
        hub.put("Acme/Huge", "a-Q4_0.gguf", gguf_bytes(8_000_000))
        (warning,) = (await registered(http, repo="Acme/Huge"))["warnings"]
        assert "no machine has the memory for it: it needs about 0.0 GB" in warning


async def test_a_hub_that_is_not_there(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as http:
        answer = await http.post("/v0/models/register", json={"repo": ONE})
        assert (answer.status_code, answer.json()["error"]["code"]) == (502, "origin_failed")
        assert "is this machine connected to the internet?" in answer.json()["error"]["message"]


async def test_a_hub_with_too_much_to_do(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, hub, http, _):
        hub.limited = True
        answer = await http.post("/v0/models/register", json={"repo": ONE})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


# --- files


async def test_files_come_from_the_origin_and_then_from_the_disk(tmp_path: Path) -> None:
    async with served(tmp_path) as (node, hub, http, _models):
        hub.put(MANY, "a-Q8_0.gguf", DATA)
        await registered(http, repo=MANY, quantization="Q8_0")
        manifest = (await http.get("/v0/models/registry/acme/many/manifest.json")).json()
        (file,) = manifest["files"]
        assert (manifest["revision"], file["size_bytes"]) == (COMMIT, len(DATA))
        async with node.http(await node.key_with({"runtime"})) as runtime:
            for where in (file["url"], "/v0/models/blob/acme/many"):
                whole = await runtime.get(where)
                assert (whole.status_code, whole.content) == (200, DATA)
                assert whole.headers["etag"] == f'"{file["sha256"]}"'
                part = await runtime.get(where, headers={"range": "bytes=5-9"})
                assert (part.status_code, part.content) == (206, DATA[5:10])
                assert part.headers["content-range"] == f"bytes 5-9/{len(DATA)}"
                behind = await runtime.get(where, headers={"range": f"bytes={len(DATA)}-"})
                assert (behind.status_code, behind.json()["error"]["code"]) == (416, "range_not_satisfiable")
                assert (await runtime.head(where)).status_code == 200
        copy = (await http.post("/v0/models/pull", json={"repo": "acme/many"})).json()
        assert (await arrived(http, copy))["state"] == "done"
        hub.asked.clear()
        assert (await http.get(file["url"], headers={"range": "bytes=-7"})).content == DATA[-7:]
        assert hub.asked == []


NOT_THERE = [
    ("registry/acme/nothing/manifest.json", 404, "model_not_found"),
    ("registry/acme/one/files/other.gguf", 404, "file_not_found"),
    ("registry/acme/one/files/..%2f..%2fetc%2fpasswd", 404, "file_not_found"),
    ("registry/acme/..%2f../manifest.json", 400, "invalid_value"),
    ("blob/acme/split", 400, "several_files"),
    ("blob/acme/nothing", 404, "model_not_found"),
]


async def test_files_that_are_not_there(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, _, http, _):
        await registered(http, repo=ONE)
        await registered(http, repo=SPLIT)
        for path, status, code in NOT_THERE:
            answer = await http.get(f"/v0/models/{path}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), path


async def test_an_origin_that_breaks_its_word_breaks_no_client(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, hub, http, _):
        await registered(http, repo=ONE)
        hub.faults.fail = 1
        answer = await http.get("/v0/models/blob/acme/one")
        assert (answer.status_code, answer.json()["error"]["code"]) == (502, "origin_failed")


# --- pulling


async def test_a_model_is_pulled_listed_and_removed(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, _hub, http, models):
        answer = await http.post("/v0/models/pull", json={"repo": ONE})
        assert answer.status_code == 202, answer.text
        assert (await arrived(http, answer.json()))["percent"] == 100
        model = await listed(http, "acme/one")
        assert (model["lifecycle_status"], model["quantization"], len(model["nodes"])) == (
            "registered",
            "Q4_K_M",
            1,
        )
        (document,) = (await http.get("/v0/models")).json()["models"]
        assert (document["lifecycle_status"], len(document["nodes"])) == ("registered", 1)
        again = await http.post("/v0/models/pull", json={"repo": ONE})
        assert (again.status_code, again.json()["error"]["code"]) == (409, "not_possible_now")
        gone = (await http.delete("/v0/models/Acme/One")).json()
        assert (gone["unregistered"], gone["nodes"][0]["freed_bytes"] > 0) == (True, True)
        assert not (models / "acme").exists()
        assert (await http.get("/v1/models/acme/one")).status_code == 404
        answer = await http.delete("/v0/models/acme/one")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")


async def test_a_split_model_comes_as_one(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, _, http, models):
        copy = (await http.post("/v0/models/pull", json={"repo": SPLIT})).json()
        assert (await arrived(http, copy))["state"] == "done"
        assert (await listed(http, "acme/split"))["error"] is None
        assert len(list((models / "acme" / "split" / "Q8_0").iterdir())) == 2
        await http.delete("/v0/models/acme/split")
        assert not (models / "acme").exists()


async def test_safetensors_are_kept_though_nobody_runs_them(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, _, http, models):
        document = await registered(http, repo=SAFE)
        assert document["error"] == "no engine here can run it"
        copy = (await http.post("/v0/models/pull", json={"repo": "acme/safe"})).json()
        assert (await arrived(http, copy))["state"] == "done"
        assert {path.name for path in (models / "acme" / "safe").iterdir()} >= {
            "config.json",
            "tokenizer.json",
            "model.safetensors.index.json",
        }
        (document,) = (await http.get("/v0/models")).json()["models"]
        assert (document["lifecycle_status"], document["error"]) == (
            "registered",
            "no engine here can run it",
        )
        chat = {"model": "acme/safe", "messages": [{"role": "user", "content": "hi"}]}
        answer = await http.post("/v1/chat/completions", json=chat)
        assert answer.status_code in (400, 503)
        assert (await http.delete("/v0/models/acme/safe")).status_code == 200
        assert not (models / "acme").exists()


async def test_a_download_is_stopped_kept_and_gone_on_with(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, hub, http, models):
        hub.faults.hold = asyncio.Event()
        copy = (await http.post("/v0/models/pull", json={"repo": MANY, "quantization": "Q8_0"})).json()
        await until(lambda: hub.sent_bytes > 0, "bytes to come")
        assert (await listed(http, "acme/many"))["lifecycle_status"] == "caching"
        await http.delete(f"/v0/models/copies/{copy['id']}", params={"keep": "true"})
        assert (await arrived(http, copy))["state"] == "cancelled"
        assert list(models.glob("acme/many/.pull-*/paused")) != []
        hub.faults.hold.set()
        again = (await http.post("/v0/models/pull", json={"repo": "acme/many"})).json()
        assert again["id"] == copy["id"]
        assert (await arrived(http, again))["state"] == "done"


async def test_a_cancelled_download_leaves_nothing(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, hub, http, models):
        hub.faults.hold = asyncio.Event()
        await http.post("/v0/models/pull", json={"repo": MANY, "quantization": "Q8_0"})
        await until(lambda: hub.sent_bytes > 0, "bytes to come")
        assert (await http.delete("/v0/models/acme/many")).json()["unregistered"] is True
        assert not (models / "acme").exists()
        hub.faults.hold.set()


# --- on demand


async def asked(http: httpx.AsyncClient, model: str) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    return await http.post("/v1/chat/completions", json=body)


async def test_who_asks_for_a_registered_model_is_told_to_wait(tmp_path: Path) -> None:
    async with served(tmp_path) as (node, hub, http, _):
        hub.faults.hold = asyncio.Event()
        await registered(http, repo=MANY, quantization="Q8_0")
        async with node.http(API_KEY) as client:
            answer = await asked(client, "Acme/Many")
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "loading")
            assert int(answer.headers["retry-after"]) >= 5
            await until(lambda: hub.sent_bytes > 0, "bytes to come")
            progress = (await listed(client, "acme/many"))["download_progress"]
            assert (progress["bytes_total"], progress["error"]) == (len(DATA), None)
        hub.faults.hold.set()
        (copy,) = (await http.get("/v0/models/copies")).json()["copies"]
        assert (await arrived(http, copy))["state"] == "done"


async def test_who_asks_for_a_small_model_just_waits(tmp_path: Path) -> None:
    async with served(tmp_path, patience_s=20.0) as (_, _, http, _):
        await registered(http, repo=ONE)
        answer = await asked(http, "acme/one")  # arrives; the tests' engine can't run it
        assert answer.json()["error"]["code"] != "loading"
        assert (await listed(http, "acme/one"))["nodes"] != []


async def test_a_download_that_failed_says_why(tmp_path: Path) -> None:
    async with served(tmp_path, patience_s=20.0) as (_, hub, http, _):
        await registered(http, repo=MANY, quantization="Q8_0")
        hub.faults.lie_sha = True
        for _ in range(2):
            answer = await asked(http, "acme/many")
            assert (answer.status_code, answer.json()["error"]["code"]) == (502, "copy_failed")
            assert "is not what its checksum says" in answer.json()["error"]["message"]
        model = await listed(http, "acme/many")
        assert (model["lifecycle_status"], model["nodes"]) == ("error", [])


# --- removing


async def test_a_model_that_answers_is_not_removed(tmp_path: Path) -> None:
    async with served(tmp_path) as (node, _, http, models):
        write_echo(models, "slow", tokens_per_s=1.0)
        await node.pool.rescan()
        body = {
            "model": "slow",
            "stream": True,
            "messages": [{"role": "user", "content": "one two three four five"}],
        }
        async with http.stream("POST", "/v1/chat/completions", json=body) as stream:
            await anext(stream.aiter_lines())
            answer = await http.delete("/v0/models/slow")
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "model_busy")
        await until(
            lambda: (found := node.pool.find("slow")) is not None and found.idle_s is not None, "it to end"
        )
        assert (await http.delete("/v0/models/slow")).status_code == 200
        assert list(models.glob("slow*")) == []


# --- other clients


async def test_an_ollama_client_pulls(tmp_path: Path) -> None:
    async with served(tmp_path) as (node, _, http, _):
        body = {"model": f"hf.co/{ONE}:Q4_K_M", "stream": False}
        async with node.http(API_KEY) as client:
            assert (await client.post("/api/pull", json=body)).status_code == 403
        answer = await http.post("/api/pull", json=body)
        assert (answer.status_code, answer.json()) == (200, {"status": "success"}), answer.text
        assert (await listed(http, "acme/one"))["nodes"] != []
