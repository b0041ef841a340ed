"""A node's side with a cloud provider behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.app.api.serving import Serving, serving
from tests.fakes.anthropic_cloud_server import AnthropicCloud
from tests.fakes.cloud_server import KEY, CloudServer, running
from tests.fakes.google_cloud_server import GoogleCloud
from tests.fakes.openai_cloud_server import OpenAICloud

SETTINGS = {  # prefix of models → settings with the key and the address
    "openai:": ("openai_api_key", "openai_base_url"),
    "google:": ("google_api_key", "google_api_base_url"),
    "anthropic:": ("anthropic_api_key", "anthropic_api_base_url"),
}
CLOUDS: tuple[type[CloudServer], ...] = (OpenAICloud, GoogleCloud, AnthropicCloud)
MODELS = {"openai:": "openai:gpt-a", "google:": "google:gemini-a", "anthropic:": "anthropic:claude-a"}


@asynccontextmanager
async def behind(
    cloud: type[CloudServer], folder: Path, *, key: str | None = KEY, **options: Any
) -> AsyncIterator[tuple[Serving, CloudServer]]:
    """A node that reaches the provider with this key."""
    async with running(cloud()) as server:
        key_setting, url_setting = SETTINGS[server.prefix]
        settings = {key_setting: key, url_setting: server.url}
        async with serving(folder, settings=settings, **options) as node:
            yield node, server
