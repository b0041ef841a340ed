"""Simulated machines as endpoints of the real gateway: they take virtual time and say what real ones would say.

A machine shares its speed among the answers that run there (processor sharing): each of k takes 1 + crowding x (k - 1)
times as long as alone. It keeps the prefixes that it read last, as far as its cache holds them, and its load is read now
and then only.
"""

import asyncio
import heapq
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from random import Random

from bench.choose_trace import MODEL, Job
from corral.app.gateway.endpoint import EndpointId, GatewayRequest, GatewayResponse, ServedModel
from corral.app.gateway.experience import Experience
from corral.app.gateway.meter import Meter, Meters
from corral.app.gateway.standing import Machine, Standing
from corral.engines.errors import WorkerCrashed
from corral.engines.events import Done, Finished, Started, TextDelta

GIB = 2**30
_SERVED = ServedModel(
    id=MODEL,
    created=0,
    capabilities=frozenset(),
    ready=True,
    lifecycle_status="registered",
    context_length=0,
    size_bytes=4 * GIB,
    quantization="",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One machine."""

    name: str
    decode: float  # tokens/s of an answer alone
    prefill: float
    slots: int = 8
    crowding: float = 0.5
    cache_tokens: int = 40_000
    cold_s: float = 0.0  # loading takes so long, at the first request
    read_every_s: float = 5.0  # its load
    errors: bool = False  # fails at once, always

    @property
    def tokens_per_s(self) -> float:
        """With all slots busy."""
        return self.decode * self.slots / (1.0 + self.crowding * (self.slots - 1))


def heterogeneous(machines: int, seed: int) -> list[Build]:
    """From an old laptop to a workstation with a card."""
    random = Random(seed)
    builds = []
    for number in range(machines):
        decode = 8.0 * 20.0 ** ((number + random.random()) / machines)
        card = decode > 50.0
        builds.append(
            Build(
                name=f"e{number}",
                decode=decode,
                prefill=decode * random.uniform(20.0, 40.0) if card else decode * random.uniform(6.0, 14.0),
                slots=random.choice((8, 16)) if card else random.choice((2, 4, 8)),
                crowding=random.uniform(0.1, 0.4) if card else random.uniform(0.4, 0.8),
                cache_tokens=random.choice((20_000, 40_000, 80_000)),
            )
        )
    random.shuffle(builds)
    return builds


class Shared:
    """Work that shares one machine: a virtual clock that runs the slower the more there is."""

    def __init__(self, crowding: float) -> None:
        self._crowding = crowding
        self._loop = asyncio.get_running_loop()
        self._virtual = 0.0
        self._at = self._loop.time()
        self._due: list[tuple[float, int, asyncio.Future[None]]] = []
        self._timer: asyncio.TimerHandle | None = None

    def remaining(self) -> list[tuple[int, float]]:
        """Of each job's piece of work, alone."""
        self._advance()
        return [(job, due - self._virtual) for due, job, _ in self._due]

    async def work(self, job: int, alone_s: float) -> None:
        """A piece of a job, until it is done."""
        self._advance()
        done = self._loop.create_future()
        heapq.heappush(self._due, (self._virtual + alone_s, job, done))
        self._plan()
        await done

    def _slowdown(self) -> float:
        return 1.0 + self._crowding * max(0, len(self._due) - 1)

    def _advance(self) -> None:
        now = self._loop.time()
        self._virtual += (now - self._at) / self._slowdown()
        self._at = now

    def _plan(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._due:
            wait_s = max(0.0, self._due[0][0] - self._virtual) * self._slowdown()
            self._timer = self._loop.call_later(wait_s, self._finish)

    def _finish(self) -> None:
        self._advance()
        first = self._due[0][0]
        self._virtual = max(self._virtual, first)
        while self._due and self._due[0][0] <= self._virtual + 1e-9:
            done = heapq.heappop(self._due)[2]
            if not done.done():
                done.set_result(None)
        self._plan()


class Simulated:
    """Endpoint over a machine that only exists here."""

    def __init__(self, build: Build, experience: Experience) -> None:
        loop = asyncio.get_running_loop()
        self.id = EndpointId(build.name)
        self.name = build.name
        self.build = build
        self.shared = Shared(build.crowding)
        self.cache = _Cache(build.cache_tokens)
        self.running = 0
        self.cached_tokens = 0
        self.read_tokens = 0
        self._loop = loop
        self._answers: dict[int, float] = {}  # of jobs whose prompt is read: what comes then
        self._loading: asyncio.Task[None] | None = None
        self._loaded = build.cold_s == 0.0
        self._machine = Machine(read_at=0.0)
        self._meters = Meters(
            endpoint=self.id,
            listed_name=self.listed_name,
            experience=experience,
            now=loop.time,
            clock=loop.time,
        )

    def models(self) -> Sequence[ServedModel]:
        return (_SERVED,)

    def listed_name(self, model: str) -> str | None:
        return MODEL

    def answers(self, path: str, model: str) -> bool:
        return True

    def slots(self, model: str) -> int:
        return self.build.slots

    def machine(self) -> Machine:
        now = self._loop.time()
        if now - (self._machine.read_at or 0.0) >= self.build.read_every_s:
            busy = 100.0 * min(1.0, self.running / self.build.slots)
            self._machine = Machine(cpu_percent=busy * 0.75, memory_percent=30.0, read_at=now)
        return self._machine

    def standing(self, model: str) -> Standing:
        return Standing(
            machine=self.machine(), loaded=1.0 if self._loaded else 0.0, size_bytes=_SERVED.size_bytes
        )

    def alone_s(self, job: Job) -> float:
        """What a job would take here now, if nothing else ran."""
        cached = self.cache.held(job)
        cold = 0.0 if self._loaded else self.build.cold_s
        return (
            cold + (job.prompt_tokens - cached) / self.build.prefill + job.answer_tokens / self.build.decode
        )

    def work_left(self) -> list[float]:
        """Of each answer here, seconds alone; that of an answer that is still read counts with what it will say."""
        answers = dict(self._answers)
        return [left + answers.get(number, 0.0) for number, left in self.shared.remaining()]

    async def forward(self, request: GatewayRequest) -> GatewayResponse:
        if self.build.errors:
            raise WorkerCrashed("always")
        job: Job = request.json["job"]
        meter = self._meters.begin(request, warm=self._loaded)
        self.running += 1
        await self._load()
        cached = self.cache.held(job)
        self.cached_tokens += cached
        self.read_tokens += job.prompt_tokens
        self._answers[job.number] = job.answer_tokens / self.build.decode
        await self.shared.work(job.number, (job.prompt_tokens - cached) / self.build.prefill)
        self.cache.keep(job)
        meter.see([Started(prompt_tokens=job.prompt_tokens, cached_tokens=cached)])
        return GatewayResponse(status=200, body=self._answer(job, meter, cached))

    async def _answer(self, job: Job, meter: Meter, cached: int) -> AsyncIterator[bytes]:
        meter.see([TextDelta(index=0, text="a")])
        await self.shared.work(job.number, self._answers.pop(job.number))
        self.running -= 1
        done = Done(
            prompt_tokens=job.prompt_tokens, completion_tokens=job.answer_tokens, cached_tokens=cached
        )
        meter.see([Finished(index=0, reason="stop"), done])
        meter.ended()
        yield b""

    async def _load(self) -> None:
        if not self._loaded:
            if self._loading is None:
                self._loading = asyncio.create_task(asyncio.sleep(self.build.cold_s))
            await asyncio.shield(self._loading)
            self._loaded = True


class _Cache:
    """The prefixes that a machine read last."""

    def __init__(self, most_tokens: int) -> None:
        self._most_tokens = most_tokens
        self._tokens = 0
        self._kept: OrderedDict[str, int] = OrderedDict()

    def held(self, job: Job) -> int:
        """Of a job's prompt; all but its last token at most."""
        conversation = self._kept.get(job.conversation, 0)
        system = job.system_tokens if job.system in self._kept else 0
        return min(max(conversation, system), job.prompt_tokens - 1)

    def keep(self, job: Job) -> None:
        self._put(job.system, job.system_tokens)
        self._put(job.conversation, job.prompt_tokens + job.answer_tokens)
        while self._tokens > self._most_tokens and len(self._kept) > 1:
            self._tokens -= self._kept.popitem(last=False)[1]

    def _put(self, name: str, tokens: int) -> None:
        self._tokens += tokens - self._kept.pop(name, 0)
        self._kept[name] = tokens
