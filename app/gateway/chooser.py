"""Gathers the facts for a choice among endpoints, and remembers what came of it."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from corral.app.gateway.admission import Admission
from corral.app.gateway.breakers import Circuit
from corral.app.gateway.choice import (
    CHARACTERS_PER_TOKEN,
    USUAL_ANSWER_TOKENS,
    Candidate,
    Mode,
    Ranked,
    Work,
    ranked,
    worthwhile,
)
from corral.app.gateway.endpoint import Endpoint, EndpointId, GatewayRequest, place_of
from corral.app.gateway.experience import Experience
from corral.app.gateway.fingerprints import NO_FINGERPRINTS, Fingerprints, fingerprints, json_prompt
from corral.app.gateway.kept import NOTHING_EXPECTED, Expected
from corral.app.gateway.shortlist import MOST_LOOKED_AT, Shortlist
from corral.engines.errors import (
    EngineError,
    InsufficientMemory,
    InvalidRequest,
    ModelBroken,
    ModelNotFound,
    QueueFull,
    QueueTimeout,
    ShuttingDown,
)

_NO_ANSWER_TEXT = frozenset({"/v1/embeddings", "/v1/rerank"})  # nothing is generated
_BUSY = frozenset({QueueFull.code, QueueTimeout.code, ShuttingDown.code, "endpoint_busy"})
_WHOLE = 4.0  # an answer that comes as a whole may well take so many times as long as a usual one
_PRINTS_PER_SLOT = 16  # fingerprints: one or two prompts; who answers more at once has more cache
_LEAST_PRINTS, _MOST_PRINTS = 64, 4096
_MOST_TURNS = 4096  # models whose turn is known


@dataclass(slots=True)
class Choice:
    """The endpoints that may answer one request, best first."""

    endpoints: list[Endpoint]
    order: Sequence[Ranked] = ()  # empty: there was nothing to choose
    prompt: Fingerprints = NO_FINGERPRINTS
    mode: Mode = Mode.AUTO

    def worthwhile(self) -> list[Endpoint]:
        """Those whose free slot should be taken, rather than to wait for the best."""
        return self.endpoints[: worthwhile(self.mode, self.order)] if self.order else self.endpoints

    def cost_of(self, endpoint: Endpoint) -> float | None:
        """Seconds, in mode auto."""
        return next((each.cost for each in self.order if each.id == endpoint.id), None)

    def drop(self, endpoint: Endpoint) -> None:
        """It failed."""
        self.endpoints = [each for each in self.endpoints if each.id != endpoint.id]
        self.order = [each for each in self.order if each.id != endpoint.id]

    def add_last(self, endpoints: Sequence[Endpoint]) -> None:
        """Ask these if all others fail."""
        self.endpoints = [*self.endpoints, *endpoints]

    def put_last(self, endpoint: Endpoint) -> bool:
        """Ask the others first; False if all others rest too."""
        if all(each.rests or each.id == endpoint.id for each in self.order):
            return False
        last = [replace(each, rests=True) for each in self.order if each.id == endpoint.id]
        others = [each for each in self.endpoints if each.id != endpoint.id]
        self.order = [*(each for each in self.order if each.id != endpoint.id), *last]
        self.endpoints = [*others, endpoint]
        return True


def is_busy(error: BaseException) -> bool:
    """Whether an endpoint is well, but has too much to do: others may have time."""
    return isinstance(error, EngineError) and error.code in _BUSY


class Chooser:
    """`now` gives Unix time."""

    def __init__(
        self,
        *,
        admission: Admission,
        experience: Experience,
        mode: Mode = Mode.AUTO,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._admission = admission
        self._experience = experience
        self._mode = mode
        self._now = now
        self._turns: Counter[str] = Counter()
        self._shortlist = Shortlist()
        self._expected: dict[int, tuple[Fingerprints, Expected]] = {}  # to be found by what was sent
        self._due: dict[EndpointId, dict[int, float]] = {}  # when what was sent should be answered

    def choose(self, endpoints: Sequence[Endpoint], request: GatewayRequest) -> Choice:
        """Order those of `endpoints`, all online, that may answer."""
        if len(endpoints) <= 1:
            return Choice(list(endpoints))
        now, prompt = self._now(), fingerprints(json_prompt(request.json))
        name = endpoints[0].listed_name(request.model) or request.model
        turn = self._turn(name)
        if self._mode is Mode.ROUND_ROBIN and len(endpoints) > MOST_LOOKED_AT:
            first, turn = turn % len(endpoints), 0
            endpoints = [*endpoints[first:], *endpoints[:first]][:MOST_LOOKED_AT]
        elif self._mode is not Mode.ROUND_ROBIN:
            holder = self._experience.prefixes.holder(prompt)
            endpoints = self._shortlist.of(endpoints, name, turn=turn, holder=holder)
        candidates = [self._candidate(each, request.model, prompt, now) for each in endpoints]
        order = ranked(self._mode, candidates, self._work(request), turn=turn, now=now)
        if len(endpoints) >= MOST_LOOKED_AT // 2:
            self._shortlist.note(name, order)
        by_id = {each.id: each for each in endpoints}
        return Choice([by_id[each.id] for each in order], order, prompt, self._mode)

    def sent(self, endpoint: Endpoint, request: GatewayRequest, choice: Choice) -> bool:
        """A request is to go to an endpoint. False if it shouldn't: others try it out at the moment, or it has just
        failed too often; then it is the last of the choice."""
        breakers = self._experience.breakers
        if breakers:
            circuit = breakers.circuit(endpoint.id, now=self._now())
            if circuit is Circuit.OPEN and choice.put_last(endpoint):
                return False
            if circuit is Circuit.HALF_OPEN:
                breakers.begin_trial(endpoint.id)
        if choice.prompt:
            place = place_of(endpoint, request.model)
            most = min(_MOST_PRINTS, max(_LEAST_PRINTS, _PRINTS_PER_SLOT * endpoint.slots(request.model)))
            expected = self._experience.prefixes.note(place, choice.prompt, now=self._now(), most=most)
            self._expected[id(request)] = choice.prompt, expected
        cost_s = choice.cost_of(endpoint)
        if cost_s is not None and self._mode is Mode.AUTO:
            patience_s = cost_s if request.json.get("stream") is True else _WHOLE * cost_s
            self._due.setdefault(endpoint.id, {})[id(request)] = self._now() + patience_s
        return True

    def failed(self, endpoint: Endpoint, request: GatewayRequest, error: BaseException) -> None:
        """It came to nothing, because of the endpoint or not."""
        self._over(endpoint, request)
        self._expected.pop(id(request), None)
        place, now = place_of(endpoint, request.model), self._now()
        if is_busy(error):
            self._experience.busy(place, now=now)
        elif isinstance(error, EngineError) and not isinstance(error, InvalidRequest | ModelNotFound):
            model_only = isinstance(error, ModelBroken | InsufficientMemory)
            self._experience.failed(place, error.message, now=now, model_only=model_only)
        else:
            self._experience.breakers.end_trial(endpoint.id)

    def answered(self, endpoint: Endpoint, request: GatewayRequest) -> None:
        """An answer has begun."""
        self._over(endpoint, request)
        if self._experience.failures or self._experience.breakers:
            self._experience.answered(place_of(endpoint, request.model), now=self._now())

    def ended(self, endpoint: Endpoint, request: GatewayRequest) -> None:
        """An answer that had begun has ended: what it found in the cache is known if it is complete."""
        prompt, expected = self._expected.pop(id(request), (NO_FINGERPRINTS, NOTHING_EXPECTED))
        trace = request.trace
        if prompt and trace.prompt_tokens:
            share = min(1.0, trace.cached_tokens / trace.prompt_tokens)
            self._experience.prefixes.found(place_of(endpoint, request.model), prompt, expected, share)

    def _over(self, endpoint: Endpoint, request: GatewayRequest) -> None:
        due = self._due.get(endpoint.id)
        if due is not None and due.pop(id(request), None) is not None and not due:
            del self._due[endpoint.id]

    def _overdue_s(self, endpoint: Endpoint, now: float) -> float:
        due = self._due.get(endpoint.id)
        return max(0.0, now - min(due.values())) if due else 0.0

    def _candidate(self, endpoint: Endpoint, model: str, prompt: Fingerprints, now: float) -> Candidate:
        place = place_of(endpoint, model)
        load = self._admission.load(place)
        standing = endpoint.standing(model)
        kept = self._experience.prefixes.at(place)
        return Candidate(
            id=endpoint.id,
            standing=standing,
            slots=endpoint.slots(model),
            running=load.running,
            waiting=load.waiting,
            pace=self._experience.paces.of(place, now=now),
            shared_characters=max(
                prompt.shared(kept.known), prompt.shared(standing.prefixes, gone=kept.gone)
            ),
            penalty=self._experience.failures.penalty(place, now=now),
            overdue_s=self._overdue_s(endpoint, now),
            circuit=self._experience.breakers.circuit(endpoint.id, now=now),
        )

    def _work(self, request: GatewayRequest) -> Work:
        prompt_tokens = len(request.body) / CHARACTERS_PER_TOKEN
        if request.path in _NO_ANSWER_TEXT:
            return Work(prompt_tokens=prompt_tokens, answer_tokens=0.0)
        usual = self._experience.paces.answer_tokens(request.model) or USUAL_ANSWER_TOKENS
        limits = (request.json.get("max_completion_tokens"), request.json.get("max_tokens"))
        limit = next((each for each in limits if isinstance(each, int) and each > 0), None)
        return Work(
            prompt_tokens=prompt_tokens, answer_tokens=usual if limit is None else min(usual, float(limit))
        )

    def _turn(self, name: str) -> int:
        if name not in self._turns and len(self._turns) >= _MOST_TURNS:
            self._turns.clear()
        self._turns[name] += 1
        return self._turns[name] - 1
