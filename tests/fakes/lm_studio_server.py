"""A server with the answers of LM Studio 0.3: a list of its own, and 200 with an error for paths that it doesn't know."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.fakes.openai_server import FakeOpenAI, Plan


def lm_studio_model(id: str, kind: str, *, state: str = "loaded", **more: Any) -> dict[str, Any]:
    """As GET /api/v0/models lists it."""
    return {
        "id": id,
        "object": "model",
        "type": kind,
        "publisher": "lmstudio-community",
        "arch": "llama",
        "compatibility_type": "gguf",
        "quantization": "Q4_K_M",
        "state": state,
        "max_context_length": 32_768,
        **more,
    }


DOWNLOADED = (
    lm_studio_model("qwen2-vl-7b-instruct", "vlm", quantization="4bit"),
    lm_studio_model("meta-llama-3.1-8b-instruct", "llm", loaded_context_length=4096),
    lm_studio_model("text-embedding-nomic-embed-text-v1.5", "embeddings", max_context_length=2048),
)


class FakeLmStudio(FakeOpenAI):
    """`on_demand`: OpenAI's list has the models too that are not loaded."""

    def __init__(
        self,
        *,
        downloaded: Sequence[Mapping[str, Any]] = DOWNLOADED,
        on_demand: bool = True,
        plan: Plan | None = None,
    ) -> None:
        self.downloaded = downloaded
        ready = [each["id"] for each in downloaded if on_demand or each["state"] == "loaded"]
        super().__init__(models=ready, plan=plan)

    def _get(self, path: str) -> web.Response:
        if path == "/api/v0/models":
            return web.json_response({"object": "list", "data": list(self.downloaded)})
        if path == "/v1/models":
            data = [{"id": each, "object": "model", "owned_by": "organization_owner"} for each in self.models]
            return web.json_response({"data": data, "object": "list"})
        return web.json_response({"error": f"Unexpected endpoint or method. (GET {path})"})


@asynccontextmanager
async def lm_studio_server(
    *,
    downloaded: Sequence[Mapping[str, Any]] = DOWNLOADED,
    on_demand: bool = True,
    plan: Plan | None = None,
) -> AsyncIterator[FakeLmStudio]:
    """One that runs."""
    server = FakeLmStudio(downloaded=downloaded, on_demand=on_demand, plan=plan)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
