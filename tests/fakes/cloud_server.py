"""What the servers that stand for cloud providers have in common: they check what they receive, and fail when planned."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web

from tests.fakes.listening import listening

Json = dict[str, Any]
KEY = "key-of-the-provider-0123456789"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An answer instead of the right one."""

    status: int
    body: Any = None  # JSON; None: what the provider says in such a case
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Received:
    """A request that was right."""

    path: str
    headers: Mapping[str, str]  # names in lower case
    query: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        found: Json = json.loads(self.body)
        return found


class CloudServer:
    """A provider on a real socket. `failures` are for the next requests, in turn; the list of models has its own."""

    prefix = ""  # what its models' names begin with at Corral

    def __init__(self) -> None:
        self.failures: deque[Failure] = deque()
        self.list_failures: deque[Failure] = deque()
        self.cuts_after: int | None = None  # events of a stream, then the connection ends
        self.received: list[Received] = []
        self.lists = 0  # how often the models were asked for
        self.port = 0

    @property
    def url(self) -> str:
        """What Corral needs as its base URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def last(self) -> Received:
        return self.received[-1]

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        """The key that a request shows."""
        raise AssertionError("each provider has its own way")

    def error(self, status: int, message: str) -> Json:
        """An error's body, as the provider writes it."""
        raise AssertionError("each provider has its own way")

    def models(self) -> Json:
        """The list of models."""
        raise AssertionError("each provider has its own way")

    async def answer(self, request: web.Request, received: Received) -> web.StreamResponse:
        """To a request that shows the right key. Raises ValueError for one that is wrong."""
        raise AssertionError("each provider has its own way")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """To every request."""
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        lists = request.method == "GET" and request.path.endswith("/models")
        failures = self.list_failures if lists else self.failures
        if self.key_of(headers) != KEY:
            return self._failed(Failure(status=401))
        if failures:
            return self._failed(failures.popleft())
        if lists:
            self.lists += 1
            return web.json_response(self.models())
        received = Received(path=request.path, headers=headers, query=dict(request.query), body=body)
        try:
            answer = await self.answer(request, received)
        except ValueError as error:
            return self._failed(Failure(status=400, body=self.error(400, str(error))))
        self.received.append(received)
        return answer

    def _failed(self, failure: Failure) -> web.Response:
        said = self.error(failure.status, f"planned {failure.status}; the key was {KEY}")
        body = said if failure.body is None else failure.body
        status = said["error"].get("code") or failure.status  # Google refuses a key with another status
        return web.json_response(body, status=status, headers=failure.headers)

    async def stream(self, request: web.Request, events: Sequence[bytes]) -> web.StreamResponse:
        """Server-sent events, as many as planned."""
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for number, event in enumerate(events):
            if number == self.cuts_after and request.transport is not None:
                await asyncio.sleep(0)  # what was written goes out
                request.transport.close()
                break
            await response.write(event)
        return response


S = TypeVar("S", bound=CloudServer)


@asynccontextmanager
async def running(server: S) -> AsyncIterator[S]:
    """Listening, and stopped in the end."""
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", server.handle)
    async with listening(app, shutdown_timeout=0.05) as server.port:
        yield server


def event(value: Json, name: str | None = None) -> bytes:
    """A server-sent event."""
    head = b"" if name is None else b"event: %b\n" % name.encode()
    return head + b"data: %b\n\n" % json.dumps(value).encode()
