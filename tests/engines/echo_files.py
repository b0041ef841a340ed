"""Echo models on disk, and requests for them."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

from corral.engines import echo
from corral.engines.events import Event, TextDelta
from corral.engines.model import Capability, ModelFile, ModelName
from corral.engines.requests import ChatRequest, Generation, Message

ENGINE = "corral.engines.echo:EchoEngine"


def write_echo(folder: Path, name: str = "parrot", **settings: object) -> Path:
    """An `.echo` file with these settings."""
    path = folder / f"{name}{echo.SUFFIX}"
    path.write_text(json.dumps(settings) if settings else "")
    return path


def echo_file(folder: Path, name: str = "parrot", **settings: object) -> ModelFile:
    """The same as a ModelFile, without a library."""
    path = write_echo(folder, name, **settings)
    return ModelFile(
        name=ModelName(name),
        paths=(path,),
        size_bytes=path.stat().st_size,
        modified_at=path.stat().st_mtime,
        format=echo.FORMAT,
        capabilities=frozenset({Capability.CHAT}),
    )


def chat(text: str, generation: Generation = Generation()) -> ChatRequest:  # noqa: B008 - frozen
    """A chat request of one message."""
    return ChatRequest(messages=(Message(role="user", content=text),), generation=generation)


async def text_of(events: AsyncIterator[Event]) -> str:
    """The text of an answer's first choice."""
    return "".join([e.text async for e in events if isinstance(e, TextDelta) and e.index == 0])
