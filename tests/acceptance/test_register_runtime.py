"""A llama-server that `examples/register_runtime.py` registers with a node, as a user does it."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from bench.servers import Server, Shape, xllamacpp_server
from tests.acceptance.node import API_KEY, Node
from tests.app.command_line import Commands

SCRIPT = Path(__file__).parents[2] / "examples" / "register_runtime.py"
MODEL = "smollm2-135m-instruct"
SHAPE = Shape(
    threads=1, context_tokens=512, batch_tokens=256, sequences=1, unified=True, flash_attention=False
)
DEADLINE_S = 60.0
TIMEOUT_S = 3


class Case:
    """The node, its commands, and how it is asked."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._corral = Commands(node.home)

    async def corral(self, *words: str) -> str:
        return await asyncio.to_thread(self._corral.done, *words)

    async def listed(self) -> dict[str, Any] | None:
        """The runtime as the node shows it."""
        runtimes = (await self.get("/v0/runtimes"))["runtimes"]
        return next((each for each in runtimes if each["kind"] == "runtime"), None)

    async def get(self, path: str) -> Any:
        return (await self.ask("GET", path)).json()

    async def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {API_KEY}"}
        async with httpx.AsyncClient(base_url=self.node.url, headers=headers, timeout=DEADLINE_S) as http:
            return await http.request(method, path, json=body)

    async def chat(self, model: str) -> httpx.Response:
        messages = [{"role": "user", "content": "Say hello."}]
        return await self.ask(
            "POST", "/v1/chat/completions", {"model": model, "messages": messages, "max_tokens": 4}
        )

    async def until(self, status: str | None) -> None:
        async def reached() -> bool:
            found = await self.listed()
            return (None if found is None else found["status"]) == status

        await until(reached)

    @asynccontextmanager
    async def registering(self, server: Server, key: str) -> AsyncIterator[Process]:
        """The script; killed at the end if it still runs."""
        url = f"http://127.0.0.1:{server.address.port}"
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(SCRIPT),
            *("--router", self.node.url, "--key", key, "--server", url),
            *("--name", "alpha", "--interval", "0.3"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not await condition():  # noqa: ASYNC110 - seen through a node
            await asyncio.sleep(0.05)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Case]:
    models = folder / "models"
    models.mkdir()
    node = Node(folder / "data", models=models, settings={"CORRAL_NODE_TIMEOUT": str(TIMEOUT_S)})
    try:
        await asyncio.to_thread(node.wait_until_ready)
        yield Case(node)
    finally:
        await asyncio.to_thread(node.stop)


async def test_a_llama_server_is_registered_answers_and_goes(starter_model: Path, tmp_path: Path) -> None:
    async with running(tmp_path) as case, xllamacpp_server(starter_model, SHAPE, tmp_path) as server:
        made = json.loads(await case.corral("keys", "create", "alpha", "--scope", "runtime", "--json"))
        async with case.registering(server, made["key"]) as script:
            await case.until("online")
            await answers(case)
            await commands(case)
            _, errors = await script.communicate()
            assert script.returncode == 1 and b"an administrator disconnected this runtime" in errors
        async with case.registering(server, made["key"]) as script:
            await case.until("online")
            os.kill(server.process_id, signal.SIGKILL)
            await case.until("offline")
            refused = await case.chat(MODEL)
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "no_capable_endpoint")
            script.send_signal(signal.SIGINT)
            output, errors = await script.communicate()
            assert script.returncode == 0 and errors == b"" and b"taken out" in output, output
        await case.until(None)


async def answers(case: Case) -> None:
    """It is chosen, and no path of its machine is told."""
    (model,) = (await case.get("/v1/models"))["data"]
    assert (model["id"], model["nodes"], model["ready"]) == (MODEL, ["alpha"], True)
    answer = await case.chat(MODEL)
    assert answer.status_code == 200 and answer.headers["x-corral-node"] == "alpha"
    assert answer.json()["choices"][0]["message"]["content"]
    assert answer.json()["model"] == MODEL and ".gguf" not in answer.text
    shown = await case.listed()
    assert shown is not None and shown["load"]["memory_percent"] > 0
    assert shown["loaded_models"] == [MODEL]
    assert 'corral_runtimes{status="online"} 1.0' in (await case.ask("GET", "/metrics")).text


async def commands(case: Case) -> None:
    """They show it, and disconnect and remove it."""
    table = await case.corral("runtimes", "list")
    assert "alpha" in table and "online" in table and "runtime" in table
    own = next(each for each in (await case.get("/v0/runtimes"))["runtimes"] if each["kind"] == "node")
    log = json.loads(await case.corral("runtimes", "logs", own["name"], "--json"))
    assert any(each["event"] == "a runtime registered" for each in log)
    assert "until it registers again" in await case.corral("runtimes", "disconnect", "alpha")


async def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SCRIPT),
        *("--router", "http://127.0.0.1:9", "--key", "sk_x", "--server", "alpha:8080"),
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 2 and b"--server must be a URL" in errors
