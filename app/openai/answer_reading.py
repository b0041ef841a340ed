"""The gateway's answers as those read them that translate them into another shape: chunks, documents, errors."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

import orjson

from corral.app.gateway.endpoint import GatewayRequest, GatewayResponse
from corral.app.openai.sse import data_events

Forward = Callable[[GatewayRequest], Awaitable[GatewayResponse]]
Chunk = Mapping[str, Any]

_MOST_ERROR_CHARACTERS = 2000


class TranslatedBody:
    """The translation of a stream. Closing it closes the answer behind it, even if nothing was ever read."""

    def __init__(self, translation: AsyncGenerator[bytes, None], answer: GatewayResponse) -> None:
        self._translation = translation
        self._answer = answer

    def __aiter__(self) -> "TranslatedBody":
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._translation)

    async def aclose(self) -> None:
        await self._translation.aclose()
        await close(self._answer)


async def chunks_of(answer: GatewayResponse) -> AsyncGenerator[Chunk | None, None]:
    """The chunks of a stream; None for a comment. Closing this closes the answer."""
    try:
        if not answer.streamed:  # a server that doesn't stream what it was asked
            yield as_chunk(await document_of(answer))
            return
        async for data in data_events(answer.body):
            if data is None:
                yield None
            elif data != b"[DONE]":
                yield orjson.loads(data)
    finally:
        await close(answer)


async def document_of(answer: GatewayResponse) -> dict[str, Any]:
    """The JSON object of an answer that isn't streamed; an empty one if it is something else."""
    try:
        data = b"".join([piece async for piece in answer.body])
    finally:
        await close(answer)
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def error_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI's error object in the answer of an endpoint that refused; with a message of our own if it has none."""
    error = document.get("error")
    if isinstance(error, str):
        error = {"message": error}
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return {"message": "the endpoint refused this request and didn't say why", "code": None}
    return {**error, "message": error["message"][:_MOST_ERROR_CHARACTERS]}


def as_chunk(document: Mapping[str, Any]) -> Chunk:
    """A chat completion as if it had been streamed in one chunk."""
    choices = []
    for choice in document.get("choices") or ():
        message = choice.get("message")
        if message is None:
            choices.append(choice)  # of a plain completion, which looks the same in a stream
            continue
        calls = [{"index": number, **call} for number, call in enumerate(message.get("tool_calls") or ())]
        choices.append({**choice, "delta": {**message, "tool_calls": calls}})
    return {**document, "choices": choices}


async def close(answer: GatewayResponse) -> None:
    """Let go of an answer: what is still at work for it is cancelled."""
    if closing := getattr(answer.body, "aclose", None):
        await closing()
