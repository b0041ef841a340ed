"""`corral cloud` against a running node, as a user types it."""

import asyncio
import json
from pathlib import Path

from tests.acceptance.node import Node
from tests.app.command_line import Commands
from tests.fakes.cloud_server import KEY, running
from tests.fakes.openai_cloud_server import OpenAICloud


async def test_a_key_comes_and_goes(tmp_path: Path) -> None:
    async with running(OpenAICloud()) as server:
        await asyncio.to_thread(_use, tmp_path, server)


def _use(folder: Path, server: OpenAICloud) -> None:
    node = Node(folder / "data", models=folder)
    try:
        node.wait_until_ready()
        corral = Commands(node.home)
        assert "no provider 'nobody'" in corral.failed("cloud", "set", "nobody", stdin="x\n")
        assert "no key was given" in corral.failed("cloud", "set", "openai", stdin="")
        assert "nothing to change" in corral.failed("cloud", "set", "openai", "--keep-key")
        said = corral.done("cloud", "set", "openai", "--base-url", server.url, "--keep-key")
        assert said == "OpenAI has no key yet.\n"
        refused = corral("cloud", "set", "openai", stdin="wrong-key-0123456789\n")
        assert refused.returncode == 0 and "It is set, but: OpenAI refuses" in refused.stderr
        said = corral.done("cloud", "set", "openai", stdin=f"{KEY}\n")
        assert said == "OpenAI lists 5 models; ask for one as openai:NAME.\n"
        assert server.url in corral.done("cloud", "list")
        listed = {each["provider"]: each for each in json.loads(corral.done("cloud", "list", "--json"))}
        assert listed["openai"]["key_source"] == "cluster" and not listed["google"]["key_present"]
        with node.client() as http:
            body = {"model": "openai:gpt-a", "messages": [{"role": "user", "content": "Hi"}]}
            assert http.post("/v1/chat/completions", json=body).status_code == 200
        assert "no key for OpenAI any more." in corral.done("cloud", "remove", "openai")
    finally:
        node.stop()
