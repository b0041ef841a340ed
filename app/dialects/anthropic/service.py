"""POST /v1/messages and /v1/messages/count_tokens: a chat completion each, translated."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import orjson

from corral.app.dialects.anthropic.builder import MessageBuilder, ServerEvent
from corral.app.dialects.anthropic.request import MessagesRequest, TokenCountBody
from corral.app.dialects.asking import asking
from corral.app.dialects.dialect import Dialect
from corral.app.dialects.errors import last_words
from corral.app.dialects.reply import json_reply, refused, stream_reply
from corral.app.gateway.endpoint import GatewayRequest, GatewayResponse
from corral.app.openai.answer_reading import Forward, as_chunk, chunks_of, document_of
from corral.app.openai.sse import CONTENT_TYPE, KEEP_ALIVE
from corral.app.openai.token_count import COUNT_PATH, count_body
from corral.app.openai.validation import validated
from corral.engines.errors import ModelLacksCapability
from corral.engines.events import Started

CHAT_PATH = "/v1/chat/completions"
_CHARACTERS_PER_TOKEN = 3.5  # of English and code with the tokenizers of these years, about
_ESTIMATE = {"x-corral-token-count": "estimate"}
_PING = b'event: ping\ndata: {"type":"ping"}\n\n'
_BROKE_OFF = 502  # what an error in a stream would have been before it


class MessagesService:
    """`forward` is the gateway's; `chats` says whether a model is known to answer chats."""

    def __init__(self, *, forward: Forward, chats: Callable[[str], bool]) -> None:
        self._forward = forward
        self._chats = chats

    async def create(self, request: GatewayRequest) -> GatewayResponse:
        """The answer, streamed if that is asked for. Raises InvalidRequest and whatever `forward` raises."""
        wanted = validated(MessagesRequest, request.json)
        body = wanted.chat_body()
        chat = asking(request, CHAT_PATH, body)
        answer = await self._forward(chat)
        if answer.status != 200:
            return await refused(answer, Dialect.ANTHROPIC)
        builder = MessageBuilder(
            model=wanted.model, stops=wanted.stop_sequences or (), show_thinking=wanted.shows_thinking
        )
        if wanted.stream:
            return stream_reply(_stream(chat, answer, builder), answer=answer, content_type=CONTENT_TYPE)
        builder.feed(as_chunk(await document_of(answer)))
        builder.finish()
        return json_reply(builder.document, answer=answer)

    async def count(self, request: GatewayRequest) -> GatewayResponse:
        """`{"input_tokens": n}`: counted by the model's own tokenizer and template where that is on a machine of the
        cluster, else estimated. Raises InvalidRequest and whatever `forward` raises."""
        body = validated(TokenCountBody, request.json).chat_body()
        try:
            answer = await self._forward(asking(request, COUNT_PATH, count_body(body)))
        except ModelLacksCapability:
            if not self._chats(request.model):
                raise
            return json_reply({"input_tokens": estimated_tokens(body)}, headers=_ESTIMATE)
        if answer.status != 200:
            return await refused(answer, Dialect.ANTHROPIC)
        return json_reply(await document_of(answer), answer=answer)


def estimated_tokens(chat: dict[str, Any]) -> int:
    """Of a chat completion's prompt, from how long it is."""
    written = orjson.dumps({"messages": chat["messages"], "tools": chat.get("tools")})
    return max(1, round(len(written) / _CHARACTERS_PER_TOKEN))


async def _stream(
    chat: GatewayRequest, answer: GatewayResponse, builder: MessageBuilder
) -> AsyncGenerator[bytes, None]:
    """Begins with the first chunk, when the prompt's tokens are known; silence before it is filled with comments."""
    begun = failed = False
    async with aclosing(chunks_of(answer)) as chunks:
        async for chunk in chunks:
            if chunk is None:
                yield _PING if begun else KEEP_ALIVE
                continue
            if "error" in chunk:
                failed = True
                yield last_words(Dialect.ANTHROPIC, chunk["error"], status=_BROKE_OFF)
                break
            events = [] if begun else _begin(chat, builder)
            begun = True
            if events := events + builder.feed(chunk):
                yield _encode(events)
    if not failed:
        yield _encode(([] if begun else _begin(chat, builder)) + builder.finish())


def _begin(chat: GatewayRequest, builder: MessageBuilder) -> list[ServerEvent]:
    """Engines say at the start how long the prompt is; of other servers it is only known at the end."""
    first = next(iter(chat.trace.events or ()), None)
    if not isinstance(first, Started):
        return builder.start()
    return builder.start(prompt_tokens=first.prompt_tokens, cached_tokens=first.cached_tokens)


def _encode(events: list[ServerEvent]) -> bytes:
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (event["type"].encode(), orjson.dumps(event)) for event in events
    )
