"""What a peer does when the router asks it: its own pool answers, never its gateway, so nothing goes in circles."""

import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager

import structlog

from corral.app.gateway.endpoint import EndpointId
from corral.app.gateway.event_merge import EventMerge
from corral.app.gateway.experience import Experience
from corral.app.gateway.fingerprints import engine_prompt, fingerprints
from corral.app.gateway.pace import Crowd, Stopwatch
from corral.app.gateway.pool_endpoint import Pool
from corral.app.serving import infer_wire as wire
from corral.app.serving.errors import StaleRouter
from corral.engines.errors import EngineError, InvalidRequest
from corral.engines.events import Done, Event, Failed
from corral.peers.transport.route import PeerAnswer, PeerRequest, PeerRoute

KEEP_ALIVE_S = 5.0
_HEADERS = {"content-type": "application/x-corral-events"}
_LOG = structlog.get_logger(__name__)


class InferRoute:
    """Serves POST /peer/infer."""

    def __init__(
        self,
        *,
        pool: Pool,
        accepts: Callable[[str], bool],
        endpoint: EndpointId,
        experience: Experience,
        keep_alive_s: float = KEEP_ALIVE_S,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`accepts` says whether a claim (TERM.ROUTER, "" without one) is not older than the one this node follows.

        `endpoint` is what this machine's own models are called in `experience`.
        """
        self._pool = pool
        self._accepts = accepts
        self._endpoint = endpoint
        self._experience = experience
        self._keep_alive_s = keep_alive_s
        self._now = now
        self._clock = clock
        self._crowds: dict[str, Crowd] = {}

    def route(self) -> PeerRoute:
        """For the peer port."""
        return PeerRoute(method="POST", path=wire.PATH, handler=self.answer, most_bytes=wire.MAX_CALL_BYTES)

    async def answer(self, request: PeerRequest) -> PeerAnswer:
        """A stream of frames. What goes wrong from now on is its last event."""
        if not self._accepts(request.headers.get(wire.CLAIM_HEADER, "")):
            _LOG.warning("refused a router that is no longer the router", peer=request.peer)
            return _refusal(409, StaleRouter("this machine follows a newer router"))
        try:
            call = wire.decode_call(await request.read())
        except InvalidRequest as error:
            return _refusal(400, error)
        return PeerAnswer(headers=_HEADERS, body=self._frames(call))

    async def _frames(self, call: wire.InferCall) -> AsyncGenerator[bytes, None]:
        """What is ready goes out as one frame; silence is broken by empty ones."""
        events = EventMerge([self._pool.answer(call.model, call.request)])
        with self._watched(call) as watch:
            events.open()
            try:
                ended = False
                while not ended:
                    ready = await _ready(events, self._keep_alive_s)
                    watch.see(ready)
                    ended = bool(ready) and isinstance(ready[-1], Done | Failed)
                    yield bytes(wire.encode_frame(ready))
            finally:
                await events.aclose()

    @contextmanager
    def _watched(self, call: wire.InferCall) -> Iterator[Stopwatch]:
        """Notes the prompt now, the pace and what was cached at the end."""
        status = self._pool.find(call.model)
        warm = status is not None and status.loaded is not None
        name = call.model.strip().lower() if status is None else status.file.name
        place = self._endpoint, name
        prompt = fingerprints(engine_prompt(call.request))
        expected = self._experience.prefixes.note(place, prompt, now=self._now())
        crowd = self._crowds.setdefault(name, Crowd(self._clock))
        crowd.enter()
        watch = Stopwatch(self._clock, crowd=crowd, warm=warm)
        try:
            yield watch
        finally:
            crowd.leave()
            if not crowd.count:
                del self._crowds[name]
            self._experience.paces.note(place, watch, now=self._now())
            if watch.cached_share is not None:
                self._experience.prefixes.found(place, prompt, expected, watch.cached_share)


async def _ready(events: EventMerge, timeout_s: float) -> Sequence[Event]:
    """All that wait, none after `timeout_s`; an error as the event that stands for it."""
    try:
        return await events.take(timeout_s=timeout_s)
    except EngineError as error:
        return [Failed(code=error.code, message=error.message, param=error.param)]
    except Exception as error:  # noqa: BLE001 - the router must hear that it ended, whatever it was
        _LOG.error("answering the router failed", exc_info=error)
        return [
            Failed(code=EngineError.code, message="something went wrong inside the machine that answered")
        ]


def _refusal(status: int, error: EngineError) -> PeerAnswer:
    refusal = wire.Refusal(code=error.code, message=error.message, param=error.param)
    return PeerAnswer(
        status=status, headers={"content-type": "application/msgpack"}, body=wire.encode_refusal(refusal)
    )
