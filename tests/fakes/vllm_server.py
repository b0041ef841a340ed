"""A server with the answers of vLLM 0.10: its version, and cards that say more of a model."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.fakes.openai_server import FakeOpenAI, Plan

VERSION = "0.10.2"
ROOT = "Qwen/Qwen2.5-7B-Instruct"


class FakeVllm(FakeOpenAI):
    """It serves one model under a name of its own choice."""

    def __init__(
        self,
        *,
        name: str = ROOT,
        root: str = ROOT,
        context_length: int = 32_768,
        key: str | None = None,
        plan: Plan | None = None,
    ) -> None:
        super().__init__(models=[name], key=key, plan=plan)
        self.root = root
        self.context_length = context_length
        self._lists = 0

    def _get(self, path: str) -> web.Response:
        if path == "/version":
            return web.json_response({"version": VERSION})
        if path == "/v1/models":
            self._lists += 1
            card = {
                "id": self.models[0],
                "object": "model",
                "created": int(time.time()) + self._lists,  # always now
                "owned_by": "vllm",
                "root": self.root,
                "parent": None,
                "max_model_len": self.context_length,
                "permission": [{"id": f"modelperm-{self._lists}", "object": "model_permission"}],
            }
            return web.json_response({"object": "list", "data": [card]})
        return web.json_response({"detail": "Not Found"}, status=404)


@asynccontextmanager
async def vllm_server(
    *, name: str = ROOT, root: str = ROOT, key: str | None = None, plan: Plan | None = None
) -> AsyncIterator[FakeVllm]:
    """One that runs."""
    server = FakeVllm(name=name, root=root, key=key, plan=plan)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
