"""Notes what is known of one answer: in the request's trace, for the metrics, for choosing next time."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from corral.app.gateway.endpoint import EndpointId, GatewayRequest
from corral.app.gateway.experience import Experience
from corral.app.gateway.pace import Crowd, Stopwatch
from corral.engines.events import Done, Event, Started, TextDelta, ToolCallDelta


class Observer(Protocol):
    """Hears what is measured of each answer."""

    def first_token(self, model: str, seconds: float) -> None: ...

    def answered(self, model: str, done: Done) -> None: ...


class Meters:
    """Makes a meter for each answer of one endpoint."""

    def __init__(
        self,
        *,
        endpoint: EndpointId,
        listed_name: Callable[[str], str | None],
        observer: Observer | None = None,
        experience: Experience | None = None,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Clients have many ways to write a model's name; `listed_name` gives the one for metrics and places."""
        self.endpoint = endpoint
        self.listed_name = listed_name
        self.observer = observer
        self.experience = experience or Experience()
        self.now = now
        self.clock = clock
        self._crowds: dict[str, Crowd] = {}  # of models that answer at the moment

    def begin(self, request: GatewayRequest, *, warm: bool) -> "Meter":
        """`warm`: the model is loaded. The meter has to be ended."""
        model = request.model.strip().lower()
        crowd = self._crowds.setdefault(model, Crowd(self.clock))
        crowd.enter()
        watch = Stopwatch(self.clock, crowd=crowd, warm=warm)
        return Meter(self, request, watch)

    def end(self, request: GatewayRequest, watch: Stopwatch) -> None:
        """An answer has ended, in whatever way."""
        model = request.model.strip().lower()
        crowd = self._crowds[model]
        crowd.leave()
        if not crowd.count:
            del self._crowds[model]
        if watch.completion_tokens is not None:
            place = self.endpoint, self.listed_name(request.model) or model
            self.experience.paces.note(place, watch, now=self.now())


class Meter:
    """Of one answer."""

    def __init__(self, meters: Meters, request: GatewayRequest, watch: Stopwatch) -> None:
        self._meters = meters
        self._request = request
        self._watch = watch
        self._trace = request.trace
        self._began = meters.clock()
        self._ended = False
        self.events: list[Event] = []

    def see(self, events: Sequence[Event]) -> None:
        """What has just come."""
        self.events.extend(events)
        self._watch.see(events)
        if self._trace.first_token_s is None and any(
            isinstance(event, TextDelta | ToolCallDelta) for event in events
        ):
            self._begun(self._meters.clock() - self._began)
        if events and type(events[-1]) is Done:
            self._done(events[-1])

    def first_token(self) -> None:
        """It has come, of an answer whose events nobody sees."""
        self._watch.first_token()
        if self._trace.first_token_s is None:
            self._begun(self._meters.clock() - self._began)

    def counted(self, done: Done, *, choices: int = 1) -> None:
        """Such an answer is complete."""
        self._watch.counted(done, choices=choices)
        self._done(done)

    def failed(self, code: str, blame: str | None) -> None:
        """After its first byte. `blame`: what the endpoint did wrong, if it was the endpoint."""
        self._trace.error_code, self._trace.broke = code, blame is not None
        if blame is not None:
            place = self._meters.endpoint, self._listed_name()
            self._meters.experience.failed(place, blame, now=self._meters.now())

    def ended(self, *, counted: int = 0) -> None:
        """Without Done: what came until now was read and generated all the same. `counted`: tokens nobody told of."""
        if self._ended:
            return
        self._ended = True
        self._meters.end(self._request, self._watch)
        if self._trace.tokens:
            return
        self._trace.completion_tokens = counted
        for event in self.events:
            if isinstance(event, Started):
                self._trace.prompt_tokens = event.prompt_tokens
                self._trace.cached_tokens = event.cached_tokens
            elif isinstance(event, TextDelta | ToolCallDelta):
                self._trace.completion_tokens += 1

    def _begun(self, seconds: float) -> None:
        self._trace.first_token_s = self._trace.queued_s + seconds
        if self._meters.observer is not None:
            self._meters.observer.first_token(self._listed_name(), seconds)

    def _done(self, done: Done) -> None:
        self._trace.prompt_tokens = done.prompt_tokens
        self._trace.cached_tokens = done.cached_tokens
        self._trace.completion_tokens = done.completion_tokens
        if self._meters.observer is not None:
            self._meters.observer.answered(self._listed_name(), done)

    def _listed_name(self) -> str:
        return self._meters.listed_name(self._request.model) or "other"
