"""The gateway with its slots and quotas: what is held is let go, whatever happens to an answer."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import pytest

from corral.app.gateway.admission import Admission
from corral.app.gateway.endpoint import Client, EndpointId, GatewayRequest, GatewayResponse, ServedModel
from corral.app.gateway.errors import QuotaExceeded
from corral.app.gateway.gateway import Gateway, client_key
from corral.app.gateway.pool_endpoint import USUAL_SLOTS, PoolEndpoint
from corral.app.gateway.principal import Principal, PrincipalId, PrincipalKind, Quota
from corral.app.gateway.standing import Machine, Standing
from corral.engines.errors import EngineError, InvalidRequest, WorkerCrashed
from corral.engines.events import Started, TextDelta
from corral.engines.model import LoadedInfo, ModelStatus
from tests.app.gateway.scripted import ANSWER, MODEL, ScriptedPool, Step, chat, status
from tests.engines.waiting import until

NOW = 1_700_000_000.0


class OneSlot(PoolEndpoint):
    """A local endpoint that answers one request at a time."""

    def __init__(self, *script: Step, name: str = "here") -> None:
        self.pool = ScriptedPool(script or ANSWER)
        super().__init__(pool=self.pool, node_name=name)

    def slots(self, model: str) -> int:
        return 1


class Broken:
    """An endpoint that fails in whatever way."""

    def __init__(self, error: Exception, name: str = "broken") -> None:
        self.id = EndpointId(name)
        self.name = name
        self._error = error
        self.asked = 0

    def models(self) -> Sequence[ServedModel]:
        return []

    def listed_name(self, model: str) -> str | None:
        return model

    def answers(self, path: str, model: str) -> bool:
        return True

    def slots(self, model: str) -> int:
        return 1

    def machine(self) -> Machine:
        return Machine()

    def standing(self, model: str) -> Standing:
        return Standing()

    async def forward(self, request: GatewayRequest) -> GatewayResponse:
        self.asked += 1
        raise self._error


class Side:
    """A gateway whose slots a test looks at."""

    def __init__(self, *endpoints: OneSlot | Broken) -> None:
        self.admission = Admission()
        self.gateway = Gateway(endpoints=lambda: endpoints, admission=self.admission, now=lambda: NOW)

    @property
    def running(self) -> int:
        return self.admission.running


def of_key(request: GatewayRequest, quota: Quota, id: str = "k") -> GatewayRequest:
    who = Principal(kind=PrincipalKind.API_KEY, id=PrincipalId(id), name=id, quota=quota)
    return replace(request, client=Client(address="10.0.0.1", principal=who))


@pytest.mark.parametrize("stream", [True, False])
async def test_a_slot_is_held_until_the_end_of_the_body(stream: bool) -> None:
    side = Side(OneSlot())
    answer = await side.gateway.forward(chat(stream=stream))
    assert side.running == 1
    assert b"".join([piece async for piece in answer.body])
    assert side.running == 0


@pytest.mark.parametrize("stream", [True, False])
async def test_a_body_that_is_closed_unread_gives_its_slot_back(stream: bool) -> None:
    side = Side(OneSlot())
    answer = await side.gateway.forward(chat(stream=stream))
    for _ in range(2):
        await answer.body.aclose()  # type: ignore[attr-defined]
    assert side.running == 0


async def test_a_cancelled_reader_gives_the_slot_back() -> None:
    gate = asyncio.Event()
    endpoint = OneSlot(*ANSWER[:2], gate)
    side = Side(endpoint)
    request = chat(stream=True)
    answer = await side.gateway.forward(request)

    read: list[bytes] = []

    async def go_on_reading() -> None:
        async for piece in answer.body:
            read.append(piece)

    reader = asyncio.create_task(go_on_reading())
    await until(lambda: b'"a"' in b"".join(read), "the answer has begun")
    await asyncio.sleep(0)
    reader.cancel()
    await asyncio.wait([reader])
    assert (side.running, endpoint.pool.closed) == (0, 1)
    assert (request.trace.prompt_tokens, request.trace.completion_tokens) == (2, 1)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_before_the_answer_gives_the_slot_back(stream: bool) -> None:
    endpoint = OneSlot(asyncio.Event())
    side = Side(endpoint)
    asking = asyncio.create_task(side.gateway.forward(chat(stream=stream)))
    await until(lambda: side.running == 1, "it is being answered")
    asking.cancel()
    await asyncio.wait([asking])
    assert (asking.cancelled(), side.running) == (True, 0)


@pytest.mark.parametrize("error", [WorkerCrashed("gone"), InvalidRequest("wrong"), ValueError("a bug")])
async def test_whatever_goes_wrong_gives_the_slot_back(error: Exception) -> None:
    broken = Broken(error)
    side = Side(broken)
    for number in (1, 2):
        with pytest.raises(type(error)):
            await side.gateway.forward(chat(stream=False))
        assert (side.running, broken.asked) == (0, number)


async def test_the_next_endpoint_is_asked_once_each() -> None:
    failing = [Broken(WorkerCrashed("gone"), name) for name in "abcd"]
    side = Side(*failing)
    with pytest.raises(WorkerCrashed):
        await side.gateway.forward(chat(stream=False))
    assert [each.asked for each in failing] == [1, 1, 1, 0]
    assert side.running == 0


async def test_a_busy_endpoint_is_passed_over() -> None:
    side = Side(OneSlot(name="a"), OneSlot(name="b"))
    answers = [await side.gateway.forward(chat(stream=True)) for _ in range(2)]
    assert [answer.headers["x-corral-node"] for answer in answers] == ["a", "b"]
    assert not any("x-queue-status" in answer.headers for answer in answers)
    for answer in answers:
        await answer.body.aclose()  # type: ignore[attr-defined]


async def test_what_waited_says_how_long() -> None:
    side = Side(OneSlot())
    first = await side.gateway.forward(chat(stream=True))
    request = chat(stream=True)
    waiting = asyncio.create_task(side.gateway.forward(request))
    await until(lambda: side.admission.waiting == 1, "the second one waits")
    await first.body.aclose()  # type: ignore[attr-defined]
    second = await waiting
    await second.body.aclose()  # type: ignore[attr-defined]
    assert second.headers["x-queue-status"] == "queued"
    assert second.headers["x-queue-wait-ms"] == str(round(request.trace.queued_s * 1000))
    assert (request.trace.endpoint_id, request.trace.endpoint_name) == ("local:here", "here")


async def test_tokens_count_when_the_answer_has_ended() -> None:
    side = Side(OneSlot())
    quota = Quota(tokens_per_minute=4)
    answer = await side.gateway.forward(of_key(chat(stream=True), quota))
    assert b"".join([piece async for piece in answer.body])
    with pytest.raises(QuotaExceeded, match="4 tokens per minute"):
        await side.gateway.forward(of_key(chat(stream=True), quota))
    await (await side.gateway.forward(of_key(chat(stream=True), quota, "other"))).body.aclose()  # type: ignore[attr-defined]
    assert side.running == 0


@pytest.mark.parametrize("error", [WorkerCrashed("gone"), InvalidRequest("wrong")])
async def test_a_request_without_an_answer_does_not_count(error: EngineError) -> None:
    side = Side(Broken(error))
    for _ in range(3):
        with suppress(EngineError):
            await side.gateway.forward(of_key(chat(stream=False), Quota(requests_per_minute=1)))


def test_who_shares_slots_with_whom() -> None:
    stranger = Client(address="10.0.0.1")
    keyed = of_key(chat(stream=False), Quota()).client
    assert (client_key(stranger), client_key(keyed)) == ("10.0.0.1", "k")


class KnownPool(ScriptedPool):
    """Two quantisations of one model; one of them may be loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: LoadedInfo | None = None

    def models(self) -> tuple[ModelStatus, ...]:
        q4, q8 = status(f"{MODEL}:Q4_1"), status(f"{MODEL}:Q8_0")
        return (replace_loaded(q4, self.loaded), q8)

    def find(self, name: str) -> ModelStatus | None:
        q4, q8 = self.models()
        return {"m": q4, "m:q4_1": q4, "m:q8_0": q8}.get(name.strip().lower())


def replace_loaded(found: ModelStatus, loaded: LoadedInfo | None) -> ModelStatus:
    return ModelStatus(file=found.file, lifecycle=found.lifecycle, loaded=loaded)


def info(max_sequences: int) -> LoadedInfo:
    return LoadedInfo(
        capabilities=frozenset(),
        context_length=1,
        cache_tokens=1,
        max_sequences=max_sequences,
        batch_tokens=1,
        threads=1,
        gpu_layers=0,
        flash_attention=False,
        vocabulary_size=0,
    )


def test_slots_of_a_local_model() -> None:
    pool = KnownPool()
    endpoint = PoolEndpoint(pool=pool, node_name="n")

    def slots() -> list[int]:
        return [endpoint.slots(name) for name in ("M", " m:q4_1", "m:Q8_0", "mm", "nobody")]

    usual = USUAL_SLOTS
    assert slots() == [usual] * 5
    pool.loaded = info(3)
    assert slots() == [3, 3, usual, usual, usual]
    pool.loaded = None  # unloaded, or loading again
    assert slots() == [3, 3, usual, usual, usual]
    assert endpoint.listed_name("m") == endpoint.listed_name("M:q4_1") == "m:Q4_1"
    assert endpoint.listed_name("nobody") is None


async def test_what_an_answer_took_until_it_failed_is_known() -> None:
    started = Started(prompt_tokens=5, cached_tokens=4)
    script: list[Step] = [
        started,
        TextDelta(index=0, text="a"),
        TextDelta(index=0, text="b"),
        WorkerCrashed("gone"),
    ]
    request = chat(stream=True)
    answer = await PoolEndpoint(pool=ScriptedPool(script), node_name="n").forward(request)
    assert b"endpoint_failed" in b"".join([piece async for piece in answer.body])
    trace = request.trace
    assert (trace.prompt_tokens, trace.cached_tokens, trace.completion_tokens) == (5, 4, 2)
