"""The models of the whole cluster and where they are; loading and unloading them on any of its machines."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Protocol

from pydantic import Field

from corral.app.api import place_answers as shapes
from corral.app.api.call import Call, json_answer
from corral.app.api.people_bodies import Strict
from corral.app.api.route import Handler, Route
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import MANAGEMENT
from corral.app.openai.validation import validated

_PATH = "/v0/models"

Document = Mapping[str, Any]


class LoadControl(Protocol):
    """What can be done. Errors are EngineErrors, NoSuchNode and CopyErrors."""

    async def load(self, *, model: str, node: str) -> Document: ...

    async def unload(self, *, model: str, node: str) -> Document: ...


class Places(Protocol):
    """What this needs of `placing.places.Places`."""

    def documents(self) -> Sequence[Document]: ...


class ModelOnNode(Strict):
    """`node` is a machine's name or id."""

    model: Annotated[str, Field(min_length=1, max_length=512)]
    node: Annotated[str, Field(min_length=1, max_length=300)]


class PlaceRoutes:
    """Handlers of /v0/models."""

    def __init__(self, *, places: Places, control: LoadControl) -> None:
        self._places = places
        self._control = control

    async def show(self, call: Call) -> GatewayResponse:
        models = list(self._places.documents())
        return json_answer({"models": models, "total": len(models)})

    async def load(self, call: Call) -> GatewayResponse:
        wanted = validated(ModelOnNode, call.json)
        call.details.update(model=wanted.model, node=wanted.node)
        return json_answer(await self._control.load(model=wanted.model, node=wanted.node), status=202)

    async def unload(self, call: Call) -> GatewayResponse:
        wanted = validated(ModelOnNode, call.json)
        call.details.update(model=wanted.model, node=wanted.node)
        return json_answer(await self._control.unload(model=wanted.model, node=wanted.node), status=202)

    def routes(self) -> Sequence[Route]:
        return [
            Route(
                method="GET",
                path=f"{_PATH}/places",
                handler=self.show,
                summary="List every model of the cluster with all that have it",
                access=MANAGEMENT,
                answer=shapes.PlacedModels,
            ),
            _errand("load", self.load, "Load a model on a machine"),
            _errand("unload", self.unload, "Unload a model on a machine, also one that is loading"),
        ]


def _errand(name: str, handler: Handler, summary: str) -> Route:
    return Route(
        method="POST",
        path=f"{_PATH}/{name}",
        handler=handler,
        summary=summary,
        access=MANAGEMENT,
        body=ModelOnNode,
        answer=shapes.Errand,
        answer_statuses=(202,),
        errors=(404, 409, 502, 503, 504),
    )
