"""Choosing an endpoint, and the rules for a model's name."""

from collections.abc import Sequence

import pytest

from corral.app.gateway.endpoint import EndpointId, GatewayRequest, GatewayResponse, ServedModel
from corral.app.gateway.errors import GatewayError, MissingModel, NoCapableEndpoint
from corral.app.gateway.gateway import Gateway
from corral.app.gateway.model_rules import requested_model
from corral.app.gateway.models import served_model
from corral.app.gateway.pool_endpoint import PoolEndpoint
from corral.app.gateway.standing import Machine, Standing
from corral.engines.errors import (
    ContextLengthExceeded,
    EngineError,
    InvalidRequest,
    ModelNotFound,
    WorkerCrashed,
)
from corral.engines.model import Lifecycle
from tests.app.gateway.scripted import ScriptedPool, Step, chat, status


class Elsewhere:
    """An endpoint on another machine, with models of other names."""

    def __init__(self, name: str, *models: str, error: EngineError | None = None) -> None:
        self.id = EndpointId(f"there:{name}")
        self.name = name
        self._models = models
        self._error = error
        self._answers = PoolEndpoint(pool=ScriptedPool(), node_name=name)

    def models(self) -> Sequence[ServedModel]:
        return [served_model(status(model)) for model in self._models]

    def listed_name(self, model: str) -> str | None:
        return next((each for each in self._models if each.lower() == model.lower()), None)

    def answers(self, path: str, model: str) -> bool:
        return True

    def slots(self, model: str) -> int:
        return 16

    def machine(self) -> Machine:
        return Machine()

    def standing(self, model: str) -> Standing:
        return Standing()

    async def forward(self, request: GatewayRequest) -> GatewayResponse:
        if self._error is not None:
            raise self._error
        return await self._answers.forward(request)


def here(*script: Step) -> PoolEndpoint:
    return PoolEndpoint(pool=ScriptedPool(script) if script else ScriptedPool(), node_name="here")


async def test_who_answered_is_said() -> None:
    gateway = Gateway(endpoints=lambda: [Elsewhere("a", "x"), Elsewhere("b", "m"), Elsewhere("c", "m")])
    answer = await gateway.forward(chat(stream=False, model="M"))
    assert (answer.headers["x-corral-node"], answer.headers["x-corral-endpoint"]) == ("b", "there:b")


async def test_the_next_one_answers_if_the_first_fails() -> None:
    failing = Elsewhere("a", "m", error=WorkerCrashed("gone"))
    answer = await Gateway(endpoints=lambda: [failing, here()]).forward(chat(stream=False))
    assert answer.headers["x-corral-node"] == "here"


async def test_a_wrong_request_is_not_tried_again() -> None:
    wrong = Elsewhere("a", "m", error=ContextLengthExceeded("too long"))
    with pytest.raises(ContextLengthExceeded):
        await Gateway(endpoints=lambda: [wrong, here()]).forward(chat(stream=False))


async def test_a_name_nobody_lists_is_asked_here() -> None:
    unknowing = Elsewhere("a", "x", error=ModelNotFound("not here"))
    answer = await Gateway(endpoints=lambda: [unknowing, here()]).forward(chat(stream=False, model="alias"))
    assert answer.headers["x-corral-node"] == "here"


async def test_the_first_real_failure_is_told() -> None:
    endpoints = [
        Elsewhere("a", error=ModelNotFound("not here")),
        Elsewhere("b", error=WorkerCrashed("gone")),
        Elsewhere("c", error=ModelNotFound("not here")),
    ]
    with pytest.raises(WorkerCrashed):
        await Gateway(endpoints=lambda: endpoints).forward(chat(stream=False))


async def test_nobody_is_there() -> None:
    with pytest.raises(NoCapableEndpoint):
        await Gateway(endpoints=list).forward(chat(stream=False))


def test_models_are_listed_once() -> None:
    gateway = Gateway(endpoints=lambda: [Elsewhere("a", "m", "b/c:Q4"), Elsewhere("b", "m")])
    assert [(model["id"], model["nodes"]) for model in gateway.models()] == [
        ("b/c:Q4", ["a"]),
        ("m", ["a", "b"]),
    ]
    assert gateway.model("B/C:q4")["id"] == "b/c:Q4"
    with pytest.raises(ModelNotFound):
        gateway.model("x")


@pytest.mark.parametrize(
    ("lifecycle", "error", "shown", "ready"),
    [
        (Lifecycle.ON_DISK, None, "registered", False),
        (Lifecycle.LOADING, None, "caching", False),
        (Lifecycle.LOADED, None, "registered", True),
        (Lifecycle.ERROR, "broken", "error", False),
    ],
)
def test_a_model_as_listed(lifecycle: Lifecycle, error: str | None, shown: str, ready: bool) -> None:
    model = served_model(status("m", lifecycle, error))
    assert (model.lifecycle_status, model.ready, model.error) == (shown, ready, error)
    assert (model.created, model.size_bytes, model.context_length, model.quantization) == (9, 7, 100, "Q4_1")


@pytest.mark.parametrize(
    "name",
    [
        "m",
        "name:Q4_K_M",
        "org/name",
        "google/gemma",
        "openai",
        "openai:gpt-5",
        "google:gemini:x",
        "ahtnorpic:claude",
    ],
)
def test_good_names(name: str) -> None:
    assert requested_model({"model": name}) == name


@pytest.mark.parametrize(
    ("json", "error", "said"),
    [
        ({}, MissingModel, "missing"),
        ({"model": ""}, MissingModel, "missing"),
        ({"model": 5}, InvalidRequest, "string"),
        ({"model": "a:b:c"}, InvalidRequest, "colon"),
        ({"model": "x" * 513}, InvalidRequest, "characters"),
        ({"model": "openai:"}, InvalidRequest, "name a model"),
    ],
)
def test_names_that_are_refused(
    json: dict[str, object], error: type[GatewayError | EngineError], said: str
) -> None:
    with pytest.raises(error, match=said) as caught:
        requested_model(json)
    assert isinstance(caught.value, GatewayError | EngineError)
    assert caught.value.param == "model"
