"""A server that speaks OpenAI's routes on a real socket, and does what a test plans: answer, fail, hang, break off."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.listening import Listening

MODEL = "fake-model"
WORDS = ("Hello", ",", " wor", "ld", "!")
PROMPT_TOKENS = 7
SOUND = b"RIFF\x00\x00\x00\x00WAVE" + bytes(range(256)) * 8
PICTURE = "iVBORw0KGgo" + "A" * 400
_MOST_BYTES = 200 * 1024 * 1024

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What becomes of a request. Counts are of the events with words."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None  # instead of the usual answer
    content_type: str = "application/json"  # of `body`
    words: Sequence[str] = WORDS
    words_for: Callable[[Json], Sequence[str]] | None = None  # instead of `words`, from the request
    tool_call: tuple[str, str] | None = None  # name and arguments, instead of words
    start_delay_s: float = 0.0
    event_delay_s: float = 0.0
    hangs: bool = False  # says nothing at all
    hangs_after: int | None = None  # then silence
    cuts_after: int | None = None  # then the connection ends in the middle
    ends_after: int | None = None  # then the answer ends politely, but too early
    fails_after: int | None = None  # then an error event, as vLLM and llama-server send it
    usage: bool = True  # says it where asked to
    raw_events: Sequence[bytes] | None = None  # instead of all events


@dataclass(frozen=True, kw_only=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class FakeOpenAI:
    """`plan` is for every request but those that `plans` has one for, in turn. GETs are always answered."""

    def __init__(
        self, *, models: Sequence[str] = (MODEL,), key: str | None = None, plan: Plan | None = None
    ) -> None:
        """`key`: what it wants to see as a bearer token."""
        self.models = list(models)
        self.key = key
        self.plan = plan or Plan()
        self.plans: deque[Plan] = deque()
        self.received: list[Received] = []
        self.running = 0  # answers that have not ended
        self.most_running = 0
        self.left = 0  # answers whose client went away
        self.host = "127.0.0.1"
        self.port = 0
        self._changed = asyncio.Event()
        self._server: Listening | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def inferences(self) -> list[Received]:
        """Without the GETs."""
        return [each for each in self.received if each.method == "POST"]

    async def start(self) -> None:
        """Listen; on the same port as before if it was stopped."""
        app = web.Application(client_max_size=_MOST_BYTES)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._server = Listening(app, handler_cancellation=True, shutdown_timeout=0.05)
        self.port = await self._server.start(self.port, host=self.host)

    async def stop(self) -> None:
        """Cut all connections; new ones are refused."""
        if self._server is not None:
            server, self._server = self._server, None
            await server.stop()

    async def until(self, condition: Callable[["FakeOpenAI"], bool], *, deadline_s: float = 10.0) -> None:
        """Return when `condition` holds; raises TimeoutError."""
        async with asyncio.timeout(deadline_s):
            while not condition(self):
                self._changed.clear()
                await self._changed.wait()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = Received(method=request.method, path=request.path, headers=headers, body=body)
        self.received.append(received)
        if self.key is not None and headers.get("authorization") != f"Bearer {self.key}":
            return _error(401, "wrong key")
        if request.method == "GET":
            return self._get(request.path)
        plan = self.plans.popleft() if self.plans else self.plan
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self._changed.set()
        try:
            return await self._answer(request, received, plan)
        except (asyncio.CancelledError, ConnectionError):
            self.left += 1
            raise
        finally:
            self.running -= 1
            self._changed.set()

    def _get(self, path: str) -> web.Response:
        if path == "/v1/models":
            data = [{"id": each, "object": "model", "created": 1, "owned_by": "fake"} for each in self.models]
            return web.json_response({"object": "list", "data": data})
        return web.json_response({"status": "ok"}) if path == "/health" else _error(404, "no such route")

    async def _answer(self, request: web.Request, received: Received, plan: Plan) -> web.StreamResponse:
        await asyncio.sleep(plan.start_delay_s)
        if plan.hangs:
            await asyncio.Event().wait()
        if plan.cuts_after == 0:
            _cut(request)
        if plan.body is not None or plan.status != 200:
            body = plan.body or json.dumps({"error": {"message": "planned", "type": "planned"}}).encode()
            return web.Response(
                status=plan.status, headers=plan.headers, body=body, content_type=plan.content_type
            )
        if plan.raw_events is not None:
            return await self._stream(request, received.path, {}, plan)
        if not received.headers.get("content-type", "").startswith("application/json"):
            return _media(received.path, {})
        wanted = received.json
        if wanted.get("model") not in self.models:
            return _error(404, f"the model {wanted.get('model')!r} does not exist")
        if received.path not in ("/v1/chat/completions", "/v1/completions"):
            return _media(received.path, wanted)
        if not wanted.get("stream"):
            return web.json_response(_document(received.path, wanted, plan), headers=plan.headers)
        return await self._stream(request, received.path, wanted, plan)

    async def _stream(self, request: web.Request, path: str, wanted: Json, plan: Plan) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream", **plan.headers})
        await response.prepare(request)
        events = plan.raw_events if plan.raw_events is not None else _events(path, wanted, plan)
        for count, event in enumerate(events):
            if plan.hangs_after == count:
                await asyncio.Event().wait()
            if plan.cuts_after == count:
                _cut(request)
            if plan.ends_after == count:
                return response
            if plan.fails_after == count:
                await response.write(b'data: {"error":{"message":"planned","type":"server_error"}}\n\n')
                return response
            await response.write(event)
            if plan.event_delay_s:
                await asyncio.sleep(plan.event_delay_s)
        return response


@asynccontextmanager
async def openai_server(
    *, models: Sequence[str] = (MODEL,), key: str | None = None, plan: Plan | None = None
) -> AsyncIterator[FakeOpenAI]:
    """One that runs."""
    server = FakeOpenAI(models=models, key=key, plan=plan)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def _cut(request: web.Request) -> None:
    """End the connection in the middle."""
    if request.transport is not None:
        request.transport.abort()
    raise ConnectionResetError("planned")


def _error(status: int, message: str) -> web.Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return web.json_response({"error": error}, status=status)


def _words(wanted: Json, plan: Plan) -> Sequence[str]:
    return plan.words if plan.words_for is None else plan.words_for(wanted)


def _usage(count: int) -> dict[str, Any]:
    return {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": count,
        "total_tokens": PROMPT_TOKENS + count,
        "prompt_tokens_details": {"cached_tokens": 2},
    }


def _call(plan: Plan) -> list[dict[str, Any]]:
    assert plan.tool_call is not None
    name, arguments = plan.tool_call
    return [
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}
    ]


def _document(path: str, wanted: Json, plan: Plan) -> dict[str, Any]:
    words = _words(wanted, plan)
    head = {"id": "fake-1", "object": "text_completion", "created": 1, "model": wanted["model"]}
    usage = {"usage": _usage(len(words))} if plan.usage else {}
    if path == "/v1/completions":
        return {**head, "choices": [{"index": 0, "text": "".join(words), "finish_reason": "stop"}], **usage}
    message: dict[str, Any] = {"role": "assistant", "content": "".join(words)}
    reason = "stop"
    if plan.tool_call is not None:
        message, reason = {"role": "assistant", "content": None, "tool_calls": _call(plan)}, "tool_calls"
    choice = {"index": 0, "message": message, "finish_reason": reason}
    return {**head, "object": "chat.completion", "choices": [choice], **usage}


def _events(path: str, wanted: Json, plan: Plan) -> list[bytes]:
    chat = path != "/v1/completions"
    kind = "chat.completion.chunk" if chat else "text_completion"
    head = {"id": "fake-1", "object": kind, "created": 1, "model": wanted["model"]}
    words = _words(wanted, plan)

    def event(**choice: Any) -> bytes:
        choices = [{"index": 0, "finish_reason": None, **choice}]
        return b"data: %b\n\n" % json.dumps({**head, "choices": choices}, separators=(",", ":")).encode()

    events = [event(**({"delta": {"content": word}} if chat else {"text": word})) for word in words]
    reason = "stop"
    if plan.tool_call is not None:
        events, reason = [event(delta={"tool_calls": _call(plan)})], "tool_calls"
    last_choice: dict[str, Any] = {"delta": {}} if chat else {"text": ""}
    events.append(event(**last_choice, finish_reason=reason))
    options = wanted.get("stream_options") or {}
    if plan.usage and options.get("include_usage"):
        last = {**head, "choices": [], "usage": _usage(len(words))}
        events.append(b"data: %b\n\n" % json.dumps(last, separators=(",", ":")).encode())
    return [*events, b"data: [DONE]\n\n"]


def _media(path: str, wanted: Json) -> web.Response:
    """The other routes."""
    usage = {"prompt_tokens": PROMPT_TOKENS, "total_tokens": PROMPT_TOKENS}
    if path == "/v1/embeddings":
        texts = wanted["input"] if isinstance(wanted["input"], list) else [wanted["input"]]
        data = [
            {"object": "embedding", "index": index, "embedding": [0.5, 0.25]} for index in range(len(texts))
        ]
        answer = {"object": "list", "model": wanted["model"], "data": data, "usage": usage}
        return web.json_response(answer)
    if path in ("/v1/rerank", "/rerank"):
        results = [
            {"index": index, "relevance_score": 1.0 / (1 + index)}
            for index in range(len(wanted["documents"]))
        ]
        return web.json_response({"model": wanted["model"], "results": results, "usage": usage})
    if path == "/v1/audio/speech":
        return web.Response(body=SOUND, content_type="audio/wav")
    if path.startswith("/v1/audio/"):
        return web.json_response({"text": "what was said"})
    if path.startswith("/v1/images/"):
        return web.json_response({"created": 1, "data": [{"b64_json": PICTURE}]})
    return _error(404, "no such route")
