"""A real llama-server (xllamacpp's) as an endpoint, in a process of its own."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.app.api.serving import ADMIN_KEY, serving
from tests.app.endpoints.test_over_http import PATH, added, listed

SHAPE = {
    "sequences": 1,
    "context_tokens": 512,
    "batch_tokens": 128,
    "unified": True,
    "threads": 1,
    "flash_attention": False,
}
NAME = "smollm2-135m-instruct"


@asynccontextmanager
async def llama_server(model: Path) -> AsyncIterator[str]:
    """Its URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.xllamacpp_server",
        str(model),
        "0",
        json.dumps(SHAPE),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ},
    )
    assert process.stdout is not None and process.stdin is not None
    try:
        async with asyncio.timeout(60):
            line = await process.stdout.readline()
        yield line.decode().strip()
    finally:
        process.stdin.close()
        await process.communicate()


async def test_it_is_known_and_answers(tmp_path: Path, starter_model: Path) -> None:
    async with (
        llama_server(starter_model) as url,
        serving(tmp_path) as node,
        node.http(ADMIN_KEY) as http,
        node.openai() as client,
    ):
        box = await added(http, url)
        assert (box["type"], box["status"], box["models"]) == ("llama_cpp", "online", 1)
        (model,) = (await http.get(f"{PATH}/{box['id']}/models")).json()["models"]
        assert (model["id"], model["name_there"]) == (NAME, str(starter_model))
        assert (model["quantization"], model["context_length"]) == ("Q4_1", 512)
        assert (await listed(node))[NAME]["nodes"] == ["box"]
        stream = await client.chat.completions.create(
            model=f"{NAME}:Q4_1", messages=[{"role": "user", "content": "Say hi."}], max_tokens=4, stream=True
        )
        chunks = [chunk async for chunk in stream]
        assert {chunk.model for chunk in chunks} == {f"{NAME}:Q4_1"}
        assert "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)
        tested = (await http.post(f"{PATH}/{box['id']}/test")).json()
        assert tested["success"] is True and tested["endpoint_info"]["type"] == "llama_cpp"
