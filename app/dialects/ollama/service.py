"""POST /api/chat, /api/generate, /api/embed and /api/embeddings: requests of the gateway, translated."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final

import orjson

from corral.app.dialects.asking import asking
from corral.app.dialects.dialect import Dialect
from corral.app.dialects.errors import last_words
from corral.app.dialects.ollama.names import listed_name
from corral.app.dialects.ollama.request import ChatBody, EmbedBody, EmbeddingsBody, GenerateBody
from corral.app.dialects.ollama.timing import Timing
from corral.app.dialects.ollama.writer import AnswerWriter, Line
from corral.app.dialects.reply import json_reply, refused, stream_reply
from corral.app.gateway.endpoint import GatewayRequest, GatewayResponse
from corral.app.openai.answer_reading import Forward, as_chunk, chunks_of, document_of
from corral.app.openai.token_count import COUNT_PATH, count_body
from corral.app.openai.validation import validated
from corral.engines.errors import ContextLengthExceeded, InvalidRequest, ModelLacksCapability

CHAT_PATH: Final = "/v1/chat/completions"
COMPLETION_PATH: Final = "/v1/completions"
EMBEDDINGS_PATH: Final = "/v1/embeddings"
NDJSON: Final = "application/x-ndjson"
_PLAIN_TOKENS = 2048  # of a plain completion, where the client doesn't say how many
_SHORTER = 0.75  # of a text that is too long to be embedded is tried next
_CHARACTERS_PER_TOKEN = 8  # more than any text has on average
_BROKE_OFF = 502

FindModel = Callable[[str], Mapping[str, Any] | None]


class OllamaService:
    """`forward` is the gateway's; `find` gives a model as GET /v1/models lists it, None if it isn't listed."""

    def __init__(
        self, *, forward: Forward, find: FindModel, now: Callable[[], float], clock: Callable[[], float]
    ) -> None:
        """`now` gives Unix time in seconds; `clock` is monotonic."""
        self._forward = forward
        self._find = find
        self._now = now
        self._clock = clock

    async def chat(self, request: GatewayRequest) -> GatewayResponse:
        """Raises InvalidRequest and whatever `forward` raises."""
        body = validated(ChatBody, request.json)
        writer = self._writer(body, chat=True)
        if body.is_empty:
            return await self._loaded(request, body, writer)
        return await self._answered(request, CHAT_PATH, body.chat_body(), writer, streams=body.streams)

    async def generate(self, request: GatewayRequest) -> GatewayResponse:
        """Raises InvalidRequest and whatever `forward` raises."""
        body = validated(GenerateBody, request.json)
        writer = self._writer(body, chat=False)
        if body.is_empty:
            return await self._loaded(request, body, writer)
        body.check()
        known = self._known(request.model)
        if body.is_plain or _only_continues(known):
            context = 0 if known is None else known["context_length"]
            most = min(_PLAIN_TOKENS, context // 2) if context else _PLAIN_TOKENS
            path, json = COMPLETION_PATH, body.plain_body(most_tokens=most)
        else:
            path, json = CHAT_PATH, body.chat_body()
        return await self._answered(request, path, json, writer, streams=body.streams)

    async def embed(self, request: GatewayRequest) -> GatewayResponse:
        """Raises InvalidRequest and whatever `forward` raises."""
        body = validated(EmbedBody, request.json)
        texts = [body.input] if isinstance(body.input, str) else body.input
        timing = self._timing(request)
        found: dict[str, Any] = {}
        answer = None
        if texts:
            more = {} if body.dimensions is None else {"dimensions": body.dimensions}
            answer = await self._embedded(request, texts, more, truncate=body.truncate is not False)
            if answer.status != 200:
                return await refused(answer, Dialect.OLLAMA)
            found = await document_of(answer)
        durations = timing.durations()
        return json_reply(
            {
                "model": body.model,
                "embeddings": [each["embedding"] for each in found.get("data", ())],
                "total_duration": durations["total_duration"],
                "load_duration": durations["load_duration"] if answer is not None else 0,
                "prompt_eval_count": (found.get("usage") or {}).get("prompt_tokens") or 0,
            },
            answer=answer,
        )

    async def embeddings(self, request: GatewayRequest) -> GatewayResponse:
        """The older form, of one text. Raises InvalidRequest and whatever `forward` raises."""
        body = validated(EmbeddingsBody, request.json)
        if not body.prompt:
            return json_reply({"embedding": []})
        answer = await self._embedded(request, [body.prompt], {}, truncate=True)
        if answer.status != 200:
            return await refused(answer, Dialect.OLLAMA)
        found = await document_of(answer)
        return json_reply({"embedding": found["data"][0]["embedding"]}, answer=answer)

    def _writer(self, body: ChatBody | GenerateBody, *, chat: bool) -> AnswerWriter:
        return AnswerWriter(model=body.model, chat=chat, show_thinking=body.shows_thinking, now=self._now)

    def _known(self, model: str) -> Mapping[str, Any] | None:
        return self._find(self._listed(model))

    def _timing(self, request: GatewayRequest) -> Timing:
        known = self._known(request.model)
        return Timing(request.trace, warm=known is not None and bool(known["ready"]), clock=self._clock)

    def _asking(self, request: GatewayRequest, path: str, json: dict[str, Any]) -> GatewayRequest:
        return asking(request, path, json, model=self._listed(request.model))

    def _listed(self, model: str) -> str:
        return listed_name(model, lambda name: self._find(name) is not None)

    async def _answered(
        self, request: GatewayRequest, path: str, json: dict[str, Any], writer: AnswerWriter, *, streams: bool
    ) -> GatewayResponse:
        timing = self._timing(request)
        answer = await self._forward(self._asking(request, path, json))
        if answer.status != 200:
            return await refused(answer, Dialect.OLLAMA)
        if streams:
            return stream_reply(_stream(answer, writer, timing), answer=answer, content_type=NDJSON)
        writer.feed(as_chunk(await document_of(answer)))
        writer.rest()
        return json_reply(writer.document(timing.durations()), answer=answer)

    async def _loaded(
        self, request: GatewayRequest, body: ChatBody | GenerateBody, writer: AnswerWriter
    ) -> GatewayResponse:
        """Counting a prompt's tokens loads the model, and does nothing else."""
        if body.is_to_unload:
            raise InvalidRequest(
                "models are unloaded when they are idle or when room is needed; `keep_alive` can't do it",
                param="keep_alive",
            )
        timing = self._timing(request)
        nothing = count_body({"model": request.model, "messages": [{"role": "user", "content": ""}]})
        try:
            answer = await self._forward(self._asking(request, COUNT_PATH, nothing))
        except ModelLacksCapability:  # it isn't ours to load, or doesn't chat: it is loaded when it is needed
            return json_reply(writer.last(timing.durations(), reason="load"))
        await document_of(answer)
        return json_reply(writer.last(timing.durations(), reason="load"), answer=answer)

    async def _embedded(
        self, request: GatewayRequest, texts: list[str], more: dict[str, Any], *, truncate: bool
    ) -> GatewayResponse:
        """With `truncate` texts that are too long are shortened until they fit."""
        known = self._known(request.model)
        context = 0 if known is None else known["context_length"]
        most = max(map(len, texts))
        while True:
            json = {"model": request.model, "input": [text[:most] for text in texts], **more}
            try:
                return await self._forward(self._asking(request, EMBEDDINGS_PATH, json))
            except ContextLengthExceeded:
                shorter = min(int(most * _SHORTER), context * _CHARACTERS_PER_TOKEN or most)
                if not truncate or shorter < 1:
                    raise
                most = shorter


async def _stream(
    answer: GatewayResponse, writer: AnswerWriter, timing: Timing
) -> AsyncGenerator[bytes, None]:
    async with aclosing(chunks_of(answer)) as chunks:
        async for chunk in chunks:
            if chunk is None:
                yield _encode([writer.alive()])
            elif "error" in chunk:
                yield last_words(Dialect.OLLAMA, chunk["error"], status=_BROKE_OFF)
                return
            elif lines := writer.feed(chunk):
                yield _encode(lines)
    yield _encode([*writer.rest(), writer.last(timing.durations())])


def _only_continues(known: Mapping[str, Any] | None) -> bool:
    """Whether a model has no chat template, so that its prompts are texts to go on with."""
    able = {} if known is None else known["capabilities"]
    return bool(able.get("completion")) and not able.get("chat_completion")


def _encode(lines: list[Line]) -> bytes:
    return b"".join(orjson.dumps(line) + b"\n" for line in lines)
