"""Sounds and pictures with the official client, answered by a server elsewhere."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import openai
import pytest

from corral.app.history.row import texts_of
from tests.app.api.serving import Serving, serving
from tests.app.front_door.two_nodes import two_nodes
from tests.app.upstream.asking import endpoint_over, upstream_client
from tests.engines.echo_files import write_echo
from tests.fakes.openai_server import MODEL, PICTURE, SOUND, FakeOpenAI, Plan, openai_server

MIB = 1024 * 1024
PNG = ("p.png", b"\x89PNG" + b"p" * 500, "image/png")
HERE = "whisper:large"  # as clients know it


@asynccontextmanager
async def media_node(folder: Path, **options: object) -> AsyncIterator[tuple[Serving, FakeOpenAI]]:
    """A node with one server elsewhere."""
    write_echo(folder)
    async with openai_server() as fake, upstream_client() as client:
        endpoint = endpoint_over(fake, client, names={HERE: MODEL})
        async with serving(folder, endpoints=[endpoint], **options) as node:
            yield node, fake


async def test_speech_becomes_text(tmp_path: Path) -> None:
    async with media_node(tmp_path) as (node, fake), node.openai() as client:
        said = await client.audio.transcriptions.create(
            model=HERE, file=("s.wav", SOUND, "audio/wav"), language="de", timestamp_granularities=["word"]
        )
        assert said.text == "what was said"
    first = fake.inferences[0]
    assert first.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert SOUND in first.body and b"fake-model" in first.body and HERE.encode() not in first.body
    record = node.log.records[0]
    assert (record.model, record.received_bytes > len(SOUND)) == (HERE, True)
    kept = json.loads(texts_of(record).request)
    assert kept["file"] == f"[redacted audio/wav len={len(SOUND)}]"
    assert kept["language"] == "de"


async def test_subtitles_are_text(tmp_path: Path) -> None:
    async with media_node(tmp_path) as (node, fake), node.openai() as client:
        fake.plan = Plan(body=b"1\n00:00 --> 00:01\nhi\n", content_type="text/plain")
        said = await client.audio.transcriptions.create(
            model=HERE, file=("s.wav", SOUND, "audio/wav"), response_format="srt"
        )
        assert str(said).endswith("hi\n")


async def test_text_becomes_speech(tmp_path: Path) -> None:
    async with media_node(tmp_path) as (node, fake), node.openai() as client:
        answer = await client.audio.speech.create(
            model=HERE, input="hi", voice="alloy", extra_body={"seed": 1}
        )
        assert await answer.aread() == SOUND
        assert answer.response.headers["content-type"] == "audio/wav"
    assert fake.inferences[0].json == {"model": MODEL, "input": "hi", "voice": "alloy", "seed": 1}
    (record,) = node.log.records
    assert record.answer == []
    assert texts_of(record).answer == f"[redacted audio/wav len={len(SOUND)}]"
    assert record.trace.endpoint_id == "e1"


async def test_pictures(tmp_path: Path) -> None:
    async with media_node(tmp_path) as (node, fake), node.openai() as client:
        made = await client.images.generate(model=HERE, prompt="a cat", size="512x512", n=1)
        changed = await client.images.edit(model=HERE, image=[PNG, PNG], prompt="blue", mask=PNG)
        for answer in (made, changed):
            assert answer.data is not None and answer.data[0].b64_json == PICTURE
    assert [each.path for each in fake.inferences] == ["/v1/images/generations", "/v1/images/edits"]
    assert fake.inferences[1].body.count(PNG[1]) == 3
    assert f"[redacted base64 len={len(PICTURE)}]" in texts_of(node.log.records[0]).answer
    assert "[redacted image/png len=504]" in texts_of(node.log.records[1]).request


async def test_the_routes_that_the_official_client_gives_up(tmp_path: Path) -> None:
    async with media_node(tmp_path) as (node, fake), node.http() as client:
        files = {"file": ("s.wav", SOUND, "audio/wav")}
        said = await client.post("/v1/audio/translations", data={"model": HERE}, files=files)
        varied = await client.post("/v1/images/variations", data={"model": HERE}, files={"image": PNG})
        assert said.json() == {"text": "what was said"}
        assert varied.json()["data"] == [{"b64_json": PICTURE}]
    assert [each.path for each in fake.inferences] == ["/v1/audio/translations", "/v1/images/variations"]


async def test_a_sound_that_breaks_off_is_seen_to_be_incomplete(tmp_path: Path) -> None:
    async with media_node(tmp_path) as (node, fake), node.http() as client:
        fake.plan = Plan(
            raw_events=[b"R" * 100, b"never"], cuts_after=1, headers={"content-type": "audio/wav"}
        )
        body = {"model": HERE, "input": "hi", "voice": "x", "stream": True}
        async with client.stream("POST", "/v1/audio/speech", json=body) as answer:
            assert answer.status_code == 200
            with pytest.raises(httpx.RemoteProtocolError):
                await answer.aread()
    assert node.log.records[0].trace.error_code == "endpoint_failed"


@pytest.mark.parametrize(
    ("path", "form", "fields", "status", "code", "param"),
    [
        ("audio/speech", False, {"model": HERE, "voice": "x"}, 400, "missing_field", "input"),
        ("audio/speech", False, {"model": HERE, "input": "x"}, 400, "missing_field", "voice"),
        ("audio/speech", False, {"input": "x", "voice": "x"}, 400, "missing_field", "model"),
        ("audio/speech", False, {"model": "no", "input": "x", "voice": "x"}, 404, "model_not_found", "model"),
        (
            "audio/speech",
            False,
            {"model": HERE, "input": "x", "voice": "x", "speed": 9},
            400,
            "invalid_value",
            "speed",
        ),
        (
            "audio/speech",
            False,
            {"model": "parrot", "input": "x", "voice": "x"},
            400,
            "model_lacks_capability",
            "model",
        ),
        ("images/generations", False, {"model": HERE}, 400, "missing_field", "prompt"),
        ("images/generations", False, {"model": HERE, "prompt": "x", "n": 11}, 400, "invalid_value", "n"),
        (
            "images/generations",
            False,
            {"model": HERE, "prompt": "x", "size": "big"},
            400,
            "invalid_value",
            "size",
        ),
        ("audio/transcriptions", True, {"model": HERE}, 400, "missing_field", "file"),
        ("images/edits", True, {"model": HERE, "prompt": "x"}, 400, "missing_field", "image"),
        ("images/variations", True, {}, 400, "missing_field", "model"),
        ("audio/transcriptions", False, {"model": HERE}, 415, "unsupported_media_type", None),
        ("audio/speech", True, {"model": HERE}, 415, "unsupported_media_type", None),
    ],
)
async def test_what_is_refused(
    tmp_path: Path, path: str, form: bool, fields: dict[str, str], status: int, code: str, param: str | None
) -> None:
    async with media_node(tmp_path) as (node, fake), node.http() as client:
        if form:
            answer = await client.post(f"/v1/{path}", data=fields, files={"other": ("f", b"x")})
        else:
            answer = await client.post(f"/v1/{path}", json=fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, code, param), error
    assert fake.inferences == []


async def test_an_upload_may_be_long_but_not_too_long(tmp_path: Path) -> None:
    async with media_node(tmp_path) as (node, fake), node.http() as client:
        files = {"file": ("s.wav", b"s" * (40 * MIB), "audio/wav")}
        answer = await client.post("/v1/audio/transcriptions", data={"model": HERE}, files=files)
        assert answer.status_code == 200
        assert len(fake.inferences[0].body) > 40 * MIB
        files = {"file": ("s.wav", b"s" * (101 * MIB), "audio/wav")}
        answer = await client.post("/v1/audio/transcriptions", data={"model": HERE}, files=files)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")
        assert "100 MiB" in answer.json()["error"]["message"]


async def test_a_follower_passes_uploads_and_sounds_on(tmp_path: Path) -> None:
    sound = SOUND * 1024  # more than is kept in memory
    async with openai_server() as fake, upstream_client() as upstream:
        router = {"endpoints": [endpoint_over(fake, upstream, names={HERE: MODEL})]}
        async with two_nodes(tmp_path, router=router) as both, both.door.openai() as client:
            said = await client.audio.transcriptions.create(model=HERE, file=("s.wav", sound, "audio/wav"))
            spoken = await client.audio.speech.create(model=HERE, input="hi", voice="alloy")
            assert await spoken.aread() == SOUND
            assert len(both.router.node.log.records) == 2
    assert said.text == "what was said"
    assert sound in fake.inferences[0].body


async def test_openai_is_content_with_what_is_wrong(tmp_path: Path) -> None:
    async with media_node(tmp_path) as (node, _), node.openai() as client:
        with pytest.raises(openai.BadRequestError, match="can't do speech to text"):
            await client.audio.transcriptions.create(model="parrot", file=("s.wav", SOUND, "audio/wav"))
