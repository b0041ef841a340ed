"""A server with the answers of Ollama 0.12: its own lists beside OpenAI's routes."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.fakes.openai_server import FakeOpenAI, Plan, Received

VERSION = "0.12.3"


@dataclass(frozen=True, kw_only=True)
class OllamaModel:
    """One that was pulled."""

    name: str
    digest: str = "9f438cb9cd581fc025612d27f7c1a6669ff83a8bb0ed86c94fcf4c5440555697"
    blob: str = "dde5aa3fc5ffc17176b5e8bdc82f587b24b2678c6c66101bf7da77af9f7ccdff"
    size: int = 2_019_393_189
    quantization: str = "Q4_K_M"
    family: str = "llama"
    context_length: int = 131_072
    capabilities: tuple[str, ...] = ("completion", "tools")

    def listed(self) -> dict[str, Any]:
        """In GET /api/tags."""
        return {
            "name": self.name,
            "model": self.name,
            "modified_at": "2026-05-04T17:37:44.706015396Z",
            "size": self.size,
            "digest": self.digest,
            "details": {
                "parent_model": "",
                "format": "gguf",
                "family": self.family,
                "families": [self.family],
                "parameter_size": "3.2B",
                "quantization_level": self.quantization,
            },
        }

    def shown(self) -> dict[str, Any]:
        """By POST /api/show."""
        return {
            "license": "a long text",
            "modelfile": f"# Modelfile\nFROM /usr/share/ollama/.ollama/models/blobs/sha256-{self.blob}\nTEMPLATE x",
            "parameters": "",
            "template": "{{ .Prompt }}",
            "details": self.listed()["details"],
            "model_info": {
                "general.architecture": self.family,
                f"{self.family}.context_length": self.context_length,
            },
            "capabilities": list(self.capabilities),
            "modified_at": "2026-05-04T17:37:44.706015396Z",
        }


LLAMA = OllamaModel(name="llama3.2:latest")


class FakeOllama(FakeOpenAI):
    """`pulled` may change. Without `openai_list` it is one from before it listed models as OpenAI does."""

    def __init__(
        self, *, pulled: Sequence[OllamaModel] = (LLAMA,), openai_list: bool = True, plan: Plan | None = None
    ) -> None:
        super().__init__(models=[each.name for each in pulled], plan=plan)
        self.pulled = list(pulled)
        self.openai_list = openai_list

    def pull(self, *models: OllamaModel) -> None:
        """Have these models from now on."""
        self.pulled = list(models)
        self.models = [each.name for each in models]

    def _get(self, path: str) -> web.Response:
        if path == "/api/version":
            return web.json_response({"version": VERSION})
        if path == "/api/tags":
            return web.json_response({"models": [each.listed() for each in self.pulled]})
        if path == "/v1/models" and self.openai_list:
            data = [
                {"id": each.name, "object": "model", "created": 1746380264, "owned_by": "library"}
                for each in self.pulled
            ]
            return web.json_response({"object": "list", "data": data})
        return web.Response(status=404, text="404 page not found")

    async def _answer(self, request: web.Request, received: Received, plan: Plan) -> web.StreamResponse:
        if received.path != "/api/show":
            return await super()._answer(request, received, plan)
        wanted = json.loads(received.body)["model"]
        for each in self.pulled:
            if each.name == wanted:
                return web.json_response(each.shown())
        return web.json_response({"error": f"model '{wanted}' not found"}, status=404)


@asynccontextmanager
async def ollama_server(
    *, pulled: Sequence[OllamaModel] = (LLAMA,), openai_list: bool = True, plan: Plan | None = None
) -> AsyncIterator[FakeOllama]:
    """One that runs."""
    server = FakeOllama(pulled=pulled, openai_list=openai_list, plan=plan)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
