"""One request on its way to the router: sent, held while there is none, and sent again where that is harmless."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import structlog
from msgspec import structs

from corral.app.api.asgi_scope import REFUSED
from corral.app.api.request_errors import NoRouter, RelayLoop, RouterLost
from corral.app.dialects.dialect import Dialect, dialect_of
from corral.app.front_door.exchange import Application
from corral.app.front_door.kept_body import BodyReader, KeptBody
from corral.app.front_door.peers import Peers, RelayedResponse
from corral.app.front_door.relayed_answer import RelayedAnswer
from corral.app.front_door.resending import HOLD_S, RETRY_S, may_repeat
from corral.app.front_door.routing import Changed, Here, Nobody, Routing, There
from corral.app.front_door.sending import Sending
from corral.app.front_door.wire import (
    HEADERS,
    LOOP,
    NOT_ROUTER,
    PATH,
    BadRelay,
    RequestHead,
    encode_request_head,
)
from corral.peers.transport.errors import PeerError, PeerNotTrusted, PeerUnreachable

SMALL_BYTES = 64 * 1024  # shorter bodies go out in one piece with the head
SMALL_WAIT_S = 0.2  # for a short body to be complete; then it goes as it comes
CONNECT_S = 1.0
IDLE_S = 5.0
_LOG = structlog.get_logger(__name__)


class _Came(Enum):
    """What came of one try."""

    ANSWERED = auto()  # with an error too, or as far as it came
    UNSENT = auto()  # nothing was done
    LOST = auto()  # it is unknown whether something was done; the client has got nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """How to find the router, and to reach it."""

    routing: Callable[[], Routing]
    changed: Changed
    peers: Peers
    hold_s: float = HOLD_S
    idle_s: float = IDLE_S  # a router that is silent for so long is dead; one that lives says so every second


class Relay:
    """Answers one request. `head` is what the router gets to know of it, but for the claim."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        app: Application,
        scope: Mapping[str, Any],
        head: RequestHead,
        body: KeptBody,
        sending: Sending,
    ) -> None:
        self._cluster = cluster
        self._app = app
        self._scope = scope
        self._head = head
        self._body = body
        self._sending = sending

    async def answer(self) -> None:
        """Return when the client has its answer, or when its connection must be cut for want of the rest."""
        try:
            await self._answer()
        except Exception as error:  # noqa: BLE001 - an edge: every error becomes an answer, where it still can
            _LOG.error("relaying a request failed", path=self._head.path, exc_info=error)
            if not self._sending.started:
                await self.refuse(error)

    async def _answer(self) -> None:
        clock = asyncio.get_running_loop().time
        left_s = self._cluster.hold_s
        while True:
            since = clock()
            routing = self._cluster.routing()
            if isinstance(routing, Here):
                await self._app(self._scope, BodyReader(self._body).receive, self._sending)
                return
            came = _Came.UNSENT if isinstance(routing, Nobody) else await self._try(routing)
            if came is _Came.LOST:
                since = clock()  # until now the router had it
            if came is _Came.ANSWERED or await self._gave_up(came, left_s):
                return
            await self._cluster.changed(min(left_s, RETRY_S))
            left_s -= clock() - since

    async def _gave_up(self, came: _Came, left_s: float) -> bool:
        """Whether another try makes no sense; then the client knows why."""
        if self._body.failure is not None:
            await self.refuse(self._body.failure)
        elif came is _Came.LOST and not may_repeat(self._head.method, self._head.path):
            await self.refuse(RouterLost())
        elif left_s <= 0:
            await self.refuse(NoRouter())
        else:
            return False
        return True

    async def refuse(self, error: Exception) -> None:
        """Let the application answer with an error: then it looks like any other."""
        scope = {**self._scope, REFUSED: error}
        await self._app(scope, BodyReader(self._body).receive_nothing, self._sending)

    def _dialect(self) -> Dialect:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self._head.headers}
        return dialect_of(self._head.path, headers)

    async def _try(self, there: There) -> _Came:
        head = encode_request_head(structs.replace(self._head, claim=there.claim))
        try:
            response = await self._cluster.peers.open(
                there.node,
                "POST",
                PATH,
                headers=HEADERS,
                body=await self._with_body(head),
                connect_timeout_s=CONNECT_S,
                idle_timeout_s=self._cluster.idle_s,
            )
        except (PeerUnreachable, PeerNotTrusted):
            return _Came.UNSENT
        except PeerError:
            return _Came.LOST
        try:
            return await self._came_of(response, there)
        finally:
            await response.aclose()

    async def _with_body(self, head: bytes) -> bytes | AsyncIterator[bytes]:
        body = self._body
        if not body.is_complete:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SMALL_WAIT_S):
                    await body.grown_beyond(SMALL_BYTES)
        if body.is_complete and body.size_bytes <= SMALL_BYTES:
            return head + body.whole()
        return BodyReader(body, head=head)

    async def _came_of(self, response: RelayedResponse, there: There) -> _Came:
        if response.status == NOT_ROUTER:
            return _Came.UNSENT
        if response.status == LOOP:
            await self.refuse(RelayLoop())
            return _Came.ANSWERED
        if response.status != 200:
            _LOG.warning("the router refused a relayed request", node=there.node, status=response.status)
            return _Came.LOST
        answer = RelayedAnswer(sending=self._sending, body=self._body, dialect=self._dialect())
        try:
            async for chunk in response.chunks():
                await answer.feed(chunk)
        except PeerError:
            pass  # what it means depends on how far the answer was
        except BadRelay as error:
            _LOG.warning("the router's answer can't be read", node=there.node, error=str(error))
        if not self._sending.started:
            return _Came.LOST
        await answer.end()
        return _Came.ANSWERED
