"""Live events over HTTP, as server-sent events (HTML standard, 9.2)."""

from collections.abc import AsyncGenerator, Callable, Sequence

import orjson

from corral.app.api.call import Call
from corral.app.api.health import NodeState
from corral.app.api.request_errors import Draining, EventsBusy
from corral.app.api.route import EVENT_STREAM, Route
from corral.app.events import EventFeed, FellBehind, TooManyWatchers
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import EVENTS, Principal, Role
from corral.app.openai.sse import CONTENT_TYPE, KEEP_ALIVE
from corral.app.watch import Watch

KEEP_ALIVE_S = 10.0
_RETRY_MS = 1_000
_HEADERS = {"content-type": CONTENT_TYPE, "cache-control": "no-store", "x-accel-buffering": "no"}
_RELOAD = b"event: reload\ndata: {}\n\n"
_END = b"event: end\ndata: {}\n\n"


class EventRoutes:
    """Handler of /v0/events."""

    def __init__(
        self,
        *,
        feed: EventFeed,
        watch: Watch,
        still_valid: Callable[[Principal], bool],
        state: Callable[[], NodeState],
        keep_alive_s: float = KEEP_ALIVE_S,
    ) -> None:
        """`still_valid` is asked at each keep-alive and before each event: a session may end while it watches."""
        self._feed = feed
        self._watch = watch
        self._still_valid = still_valid
        self._state = state
        self._keep_alive_s = keep_alive_s

    async def events(self, call: Call) -> GatewayResponse:
        if self._feed.closed or self._state() is NodeState.DRAINING:
            raise Draining
        try:
            self._feed.enter()
        except TooManyWatchers as error:
            raise EventsBusy from error
        body = _Stream(self._stream(call), self._feed.leave)
        return GatewayResponse(status=200, headers=_HEADERS, body=body, streamed=True)

    async def _stream(self, call: Call) -> AsyncGenerator[bytes, None]:
        feed = self._feed
        everything = _sees_everything(call.principal)
        position = feed.position_of(call.headers.get("last-event-id", ""))
        yield b"retry: %d\n\n" % _RETRY_MS
        if position is None:
            position = feed.last
            yield _event("snapshot", feed.id_of(position), self._watch.snapshot(everything=everything))
        while not feed.closed and self._still_valid(call.principal):
            try:
                events = feed.after(position)
            except FellBehind:
                yield _RELOAD
                return
            if events:
                position = events[-1].number
                shown = [event for event in events if everything or not event.private]
                if shown:
                    yield b"".join(_event(each.kind, feed.id_of(each.number), each.data) for each in shown)
                continue
            await feed.wait(position, self._keep_alive_s)
            if feed.last == position and not feed.closed:
                yield KEEP_ALIVE
        yield _END

    def routes(self) -> Sequence[Route]:
        return [
            Route(
                method="GET",
                path="/v0/events",
                handler=self.events,
                summary="What happens, as it happens",
                access=EVENTS,
                answer_types=(EVENT_STREAM,),
                errors=(503,),
            )
        ]


class _Stream:
    """Counts its watcher out when it ends, also if nothing was ever read."""

    def __init__(self, events: AsyncGenerator[bytes, None], leave: Callable[[], None]) -> None:
        self._events = events
        self._leave: Callable[[], None] | None = leave

    def __aiter__(self) -> "_Stream":
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._events)
        except BaseException:
            self._left()
            raise

    async def aclose(self) -> None:
        try:
            await self._events.aclose()
        finally:
            self._left()

    def _left(self) -> None:
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()


def _sees_everything(principal: Principal) -> bool:
    return principal.session is None or principal.session.role is Role.ADMIN


def _event(kind: str, id: str, data: object) -> bytes:
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (id.encode(), kind.encode(), orjson.dumps(data))
