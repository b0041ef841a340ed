"""Slots: an endpoint gets no more requests for a model than it answers at the same time; the others wait, fairly."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from corral.app.gateway.endpoint import Endpoint, EndpointId, PlaceId, place_of
from corral.app.gateway.errors import QueueFull, QueueRefusal, QueueTimeout
from corral.app.gateway.fair_queue import ClientKey, FairQueue

QUEUE_MAX = 1024
QUEUE_TIMEOUT_S = 60.0
_RETRY_AFTER_S = (1, 60)
_USUAL_SERVICE_S = 2.0  # until the first answers were measured
_SERVICE_WEIGHT = 0.2  # of the latest answer in the mean


class QueueObserver(Protocol):
    """Hears what happens to requests before they are forwarded."""

    def waiting(self, count: int) -> None:
        """So many requests wait now."""

    def waited(self, seconds: float) -> None:
        """A request got a slot after waiting."""

    def refused(self, code: str) -> None:
        """A request was refused: queue_full, queue_timeout, quota_exceeded."""


class Slot:
    """The right to be answered by `endpoint`, until `release`."""

    __slots__ = ("_on_release", "endpoint", "waited_s")

    def __init__(self, endpoint: Endpoint, on_release: Callable[[], None]) -> None:
        self._on_release: Callable[[], None] | None = on_release
        self.endpoint = endpoint
        self.waited_s: float | None = None  # None: it was free

    def release(self) -> None:
        """Hand the slot to the next one; once is enough."""
        on_release, self._on_release = self._on_release, None
        if on_release is not None:
            on_release()


class Admission:
    """Gives out slots. `Endpoint.slots` is asked anew each time."""

    def __init__(
        self,
        *,
        queue_max: int = QUEUE_MAX,
        queue_timeout_s: float = QUEUE_TIMEOUT_S,
        observer: QueueObserver | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`queue_max` bounds all that wait together."""
        self._queue_max = queue_max
        self._queue_timeout_s = queue_timeout_s
        self._observer = observer
        self._clock = clock
        self._places: dict[PlaceId, _Place] = {}  # those where something runs or waits
        self._waiters: dict[ClientKey, dict[_Waiter, None]] = {}  # all that wait, the last one last
        self._waiting = 0
        self._service_s = _USUAL_SERVICE_S

    @property
    def waiting(self) -> int:
        """Requests that wait for a slot."""
        return self._waiting

    @property
    def running(self) -> int:
        """Slots in use."""
        return sum(place.running for place in self._places.values())

    async def admit(self, endpoints: Sequence[Endpoint], model: str, client: ClientKey) -> Slot:
        """A slot at the first of `endpoints` that has one free, else at the first where it is this one's turn.

        Raises QueueFull, QueueTimeout.
        """
        for endpoint in endpoints:
            place = self._place(endpoint, model)
            if not place.queue and place.running < place.slots():
                return self._taken(place, client)
        return await self._queued(_Waiter(client, [self._place(each, model) for each in endpoints]))

    def load(self, id: PlaceId) -> "PlaceLoad":
        """How many answers of a model run at an endpoint, and how many requests wait for it."""
        place = self._places.get(id)
        return _IDLE if place is None else PlaceLoad(place.running, len(place.queue))

    def running_at(self, endpoint: EndpointId) -> int:
        """How many answers run at an endpoint, of all models."""
        return sum(place.running for place in self._places.values() if place.id[0] == endpoint)

    def set_limits(self, *, queue_max: int, queue_timeout_s: float) -> None:
        """For requests that come from now on."""
        self._queue_max = queue_max
        self._queue_timeout_s = queue_timeout_s

    def look_again(self) -> None:
        """An endpoint may have more slots than before: a model was loaded."""
        if self._waiting:
            for place in list(self._places.values()):
                self._hand_out(place)

    async def _queued(self, waiter: "_Waiter") -> Slot:
        began = self._clock()
        self._enter(waiter)
        timeout = partial(waiter.settle, QueueTimeout(self._queue_timeout_s))
        timer = asyncio.get_running_loop().call_later(self._queue_timeout_s, timeout)
        try:
            for place in waiter.places:  # there may be more slots than when the others came
                self._hand_out(place)
            outcome = await waiter.outcome
        except asyncio.CancelledError:
            waiter.hand_back()
            raise
        finally:
            timer.cancel()
            self._leave(waiter)
        if isinstance(outcome, QueueRefusal):
            self._refused(outcome)
            raise outcome
        outcome.waited_s = self._clock() - began
        if self._observer is not None:
            self._observer.waited(outcome.waited_s)
        return outcome

    def _enter(self, waiter: "_Waiter") -> None:
        if self._waiting >= self._queue_max:
            self._make_room(waiter.client)
        self._waiters.setdefault(waiter.client, {})[waiter] = None
        for place in waiter.places:
            self._places[place.id] = place
            place.queue.add(waiter.client, waiter)
        self._count(+1)

    def _make_room(self, client: ClientKey) -> None:
        """Refuse the newcomer, or else the last one of whoever has clearly more waiting. Raises QueueFull."""
        greedy = max(self._waiters, key=lambda each: len(self._waiters[each]), default=client)
        refusal = QueueFull(self._waiting, retry_after_s=self._retry_after_s())
        if len(self._waiters.get(greedy, ())) <= len(self._waiters.get(client, ())) + 1:
            self._refused(refusal)
            raise refusal
        last = next(reversed(self._waiters[greedy]))
        last.settle(refusal)
        self._leave(last)

    def _leave(self, waiter: "_Waiter") -> None:
        own = self._waiters.get(waiter.client, {})
        if waiter not in own:
            return
        del own[waiter]
        if not own:
            del self._waiters[waiter.client]
        waiter.step_out()
        self._count(-1)
        for place in waiter.places:
            self._drop_if_idle(place)

    def _place(self, endpoint: Endpoint, model: str) -> "_Place":
        id = place_of(endpoint, model)
        place = self._places.get(id)
        if place is None:
            return _Place(id, endpoint, model)
        place.endpoint = endpoint
        return place

    def _taken(self, place: "_Place", client: ClientKey) -> Slot:
        self._places[place.id] = place
        place.running += 1
        place.running_by_client[client] += 1
        place.queue.served(client)
        return Slot(place.endpoint, partial(self._released, place, client, self._clock()))

    def _released(self, place: "_Place", client: ClientKey, taken_at: float) -> None:
        place.running -= 1
        place.running_by_client[client] -= 1
        if not place.running_by_client[client]:
            del place.running_by_client[client]
        self._service_s += _SERVICE_WEIGHT * (self._clock() - taken_at - self._service_s)
        self._hand_out(place)
        self._drop_if_idle(place)

    def _hand_out(self, place: "_Place") -> None:
        """Give the free slots of a place to those whose turn it is."""
        while place.queue and place.running < place.slots():
            found = place.queue.take_next(place.running_by_client)
            if found is None:
                return
            client, waiter = found
            if not waiter.outcome.done():  # else it has just left
                waiter.settle(self._taken(place, client))

    def _drop_if_idle(self, place: "_Place") -> None:
        if not place.running and not place.queue and self._places.get(place.id) is place:
            del self._places[place.id]

    def _count(self, change: int) -> None:
        self._waiting += change
        if self._observer is not None:
            self._observer.waiting(self._waiting)

    def _refused(self, refusal: QueueRefusal) -> None:
        if self._observer is not None:
            self._observer.refused(refusal.code)

    def _retry_after_s(self) -> int:
        """About when those who wait now will have been served."""
        low, high = _RETRY_AFTER_S
        turns = self._waiting / max(1, self.running)
        return min(high, max(low, math.ceil(turns * self._service_s)))


@dataclass(frozen=True, slots=True)
class PlaceLoad:
    """What this node has at one place. Who waits for several places is counted at each."""

    running: int = 0
    waiting: int = 0


_IDLE = PlaceLoad()


class _Place:
    """One model at one endpoint: who is being answered, and who waits."""

    __slots__ = ("_model", "endpoint", "id", "queue", "running", "running_by_client")

    def __init__(self, id: PlaceId, endpoint: Endpoint, model: str) -> None:
        self.id = id
        self.endpoint = endpoint
        self._model = model
        self.running = 0
        self.running_by_client: Counter[ClientKey] = Counter()
        self.queue: FairQueue[_Waiter] = FairQueue()

    def slots(self) -> int:
        return self.endpoint.slots(self._model)


class _Waiter:
    """One request in the queues of all places that could answer it."""

    __slots__ = ("client", "outcome", "places")

    def __init__(self, client: ClientKey, places: Sequence[_Place]) -> None:
        self.client = client
        self.places = places
        self.outcome: asyncio.Future[Slot | QueueRefusal] = asyncio.get_running_loop().create_future()

    def settle(self, outcome: Slot | QueueRefusal) -> None:
        """What comes first counts."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)
            self.step_out()

    def step_out(self) -> None:
        for place in self.places:
            place.queue.remove(self.client, self)

    def hand_back(self) -> None:
        """The client left; a slot that came at the same moment goes to the next one."""
        if self.outcome.done() and not self.outcome.cancelled():
            outcome = self.outcome.result()
            if isinstance(outcome, Slot):
                outcome.release()
