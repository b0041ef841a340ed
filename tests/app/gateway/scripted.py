"""A pool that says what a test told it to, when the test lets it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from corral.app.gateway.endpoint import Client, GatewayRequest
from corral.engines.errors import EngineError
from corral.engines.events import Done, Event, Finished, Started, TextDelta
from corral.engines.model import Capability, Lifecycle, ModelFile, ModelName, ModelStatus
from corral.engines.requests import Request

MODEL = "m"
ANSWER: Sequence[Event] = (
    Started(prompt_tokens=2, cached_tokens=0),
    TextDelta(index=0, text="a"),
    TextDelta(index=0, text="b"),
    Finished(index=0, reason="stop"),
    Done(prompt_tokens=2, completion_tokens=2),
)

Step = Event | EngineError | asyncio.Event


class ScriptedPool:
    """Each answer goes through `script`: events are said, errors raised, asyncio events waited for."""

    def __init__(self, script: Sequence[Step] = ANSWER) -> None:
        self.script = script
        self.asked: list[Request] = []
        self.said = 0
        self.closed = 0  # answers that ended, in whatever way

    def models(self) -> tuple[ModelStatus, ...]:
        return (status(MODEL),)

    def find(self, name: str) -> ModelStatus | None:
        return next((each for each in self.models() if each.file.name == name.strip().lower()), None)

    async def answer(self, name: str, request: Request) -> AsyncGenerator[Event, None]:
        self.asked.append(request)
        try:
            for step in self.script:
                if isinstance(step, EngineError):
                    raise step
                if isinstance(step, asyncio.Event):
                    await step.wait()
                else:
                    yield step
                    self.said += 1
        finally:
            self.closed += 1


def status(name: str, lifecycle: Lifecycle = Lifecycle.ON_DISK, error: str | None = None) -> ModelStatus:
    file = ModelFile(
        name=ModelName(name),
        paths=(Path("m.gguf"),),
        size_bytes=7,
        modified_at=9.5,
        capabilities=frozenset({Capability.CHAT}),
        context_length=100,
        quantization="Q4_1",
    )
    return ModelStatus(file=file, lifecycle=lifecycle, error=error)


def chat(*, stream: bool, model: str = MODEL, path: str = "/v1/chat/completions") -> GatewayRequest:
    """A chat request."""
    json = {"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    return GatewayRequest(
        method="POST",
        path=path,
        headers={},
        body=b"",
        json=json,
        model=model,
        client=Client(address="127.0.0.1"),
        request_id="r",
    )
