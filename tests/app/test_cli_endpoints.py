"""`corral endpoints`, `corral aliases`, and what the doctor says of endpoints; and that all of it outlives the node."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from corral.app.commands.endpoints import usual_name
from corral.app.doctor.endpoints import judge_endpoints
from corral.app.doctor.finding import Level
from tests.acceptance.node import API_KEY, Node
from tests.app.command_line import Commands
from tests.fakes.vllm_server import FakeVllm, vllm_server

SECRET = "sk-of-the-upstream"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Node]:
    (tmp_path / "models").mkdir()
    running = Node(tmp_path / "data", models=tmp_path / "models", settings={"CORRAL_NODE_NAME": "desk"})
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.stop()


class Corral:
    """Commands that leave the loop running: what they ask for may have to be answered there."""

    def __init__(self, home: Path) -> None:
        self._commands = Commands(home)

    async def done(self, *words: str, stdin: str = "") -> str:
        return await asyncio.to_thread(self._commands.done, *words, stdin=stdin)

    async def failed(self, *words: str) -> str:
        return await asyncio.to_thread(self._commands.failed, *words)

    async def json(self, *words: str) -> Any:
        return json.loads(await self.done(*words, "--json"))


@pytest.fixture
async def vllm() -> AsyncIterator[FakeVllm]:
    async with vllm_server(key=SECRET) as fake:
        yield fake


async def said(node: Node, model: str) -> str:
    async with openai.AsyncOpenAI(base_url=f"{node.url}/v1", api_key=API_KEY, max_retries=0) as client:
        stream = await client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "hi"}], stream=True
        )
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])


async def test_from_one_command_to_an_answer_and_over_a_restart(running: Node, vllm: FakeVllm) -> None:
    corral, model = Corral(running.home), vllm.models[0]
    added = await corral.done("endpoints", "add", vllm.base_url, "--api-key-stdin", stdin=f"{SECRET}\n")
    assert f"127.0.0.1:{vllm.port} is added: vllm, 1 models: {model}" in added
    assert "house now means" in await corral.done("aliases", "add", "house", model)
    assert await said(running, model) == await said(running, "house") == "Hello, world!"

    await asyncio.to_thread(running.stop)
    await asyncio.to_thread(running.start_again)
    assert await said(running, model) == await said(running, "house") == "Hello, world!"
    (listed,) = await corral.json("endpoints")
    assert (listed["status"], listed["models"], listed["has_api_key"]) == ("online", 1, True)
    assert [each["name"] for each in await corral.json("aliases")] == ["house"]
    assert SECRET not in running.output()

    tested = await corral.done("endpoints", "test", vllm.base_url)
    assert "vllm 0.10.2, 1 models." in tested
    assert "1 models." in await corral.done("endpoints", "sync", listed["id"])
    assert "32768" in await corral.done("endpoints", "models", listed["name"])

    await vllm.stop()
    assert "can't be reached" in await corral.failed("endpoints", "test", listed["name"])
    added = await corral.done("endpoints", "add", "127.0.0.1:1", "--name", "later", "--weight", "2")
    assert "doesn't answer yet" in added
    assert "fails since" in await corral.done("endpoints", "list")
    assert f"corral endpoints test {listed['name']}" in await corral.done("doctor")

    assert "now means other" in await corral.done("aliases", "set", "HOUSE", "other", model)
    assert "is removed" in await corral.done("aliases", "remove", "house")
    assert "is removed" in await corral.done("endpoints", "remove", listed["name"])
    assert "there is no endpoint" in await corral.failed("endpoints", "remove", listed["name"])
    assert [each["weight"] for each in await corral.json("endpoints", "list")] == [2.0]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://192.168.1.5:11434/v1", "192.168.1.5:11434"),
        ("gpu-box:8000", "gpu-box:8000"),
        ("http://user:secret@h", "h"),
    ],
)
def test_an_endpoint_is_called_by_its_address(url: str, name: str) -> None:
    assert usual_name(url) == name


def endpoint(**more: Any) -> dict[str, Any]:
    return {
        "name": "box",
        "base_url": "http://h",
        "enabled": True,
        "failing_since": None,
        "last_error": None,
        **more,
    }


FAILING = endpoint(failing_since="2026-01-01T00:00:00Z", last_error="it is gone")


@pytest.mark.parametrize(
    ("endpoints", "levels"),
    [
        (None, []),
        ([], []),
        ([endpoint(enabled=False)], []),
        ([endpoint(), endpoint()], [Level.OK]),
        ([endpoint(), FAILING, FAILING], [Level.WARNING, Level.WARNING]),
        ([{**FAILING, "enabled": False}], []),
    ],
)
def test_the_doctor_names_those_that_fail(
    endpoints: list[dict[str, Any]] | None, levels: list[Level]
) -> None:
    assert [each.level for each in judge_endpoints(endpoints)] == levels
