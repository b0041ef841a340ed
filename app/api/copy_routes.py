"""Copying models from machine to machine: begun, watched, cancelled."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Protocol

from pydantic import Field

from corral.app.api import copy_answers as shapes
from corral.app.api.call import Call, json_answer
from corral.app.api.people_bodies import Strict
from corral.app.api.query import choice
from corral.app.api.route import Query, Route
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import MANAGEMENT
from corral.app.openai.validation import validated

_PATH = "/v0/models"
_KEEP = Query(
    name="keep",
    description="`true`: what has come of a download stays, and is gone on with when somebody asks for it again.",
    schema={"type": "string", "enum": ["true", "false"]},
)

Document = Mapping[str, Any]


class CopyControl(Protocol):
    """What can be done. Documents are as `copy_answers` shapes them; errors are CopyErrors, ClusterErrors, EngineErrors."""

    async def copy(self, *, model: str, to: str) -> Document: ...

    def documents(self) -> Sequence[Document]: ...

    async def cancel(self, id: str, *, keep: bool) -> None: ...


class NewCopy(Strict):
    """`to` is a machine's name or id. It fetches the model from all that have it."""

    model: Annotated[str, Field(min_length=1, max_length=512)]
    to: Annotated[str, Field(min_length=1, max_length=300)]


class CopyRoutes:
    """Handlers of /v0/models."""

    def __init__(self, *, control: CopyControl) -> None:
        self._control = control

    async def copy(self, call: Call) -> GatewayResponse:
        wanted = validated(NewCopy, call.json)
        return json_answer(await self._control.copy(model=wanted.model, to=wanted.to), status=202)

    async def show(self, call: Call) -> GatewayResponse:
        copies = list(self._control.documents())
        return json_answer({"copies": copies, "total": len(copies)})

    async def cancel(self, call: Call) -> GatewayResponse:
        keep = choice(call.query, "keep", ("true", "false"))
        await self._control.cancel(call.parameters["id"], keep=keep == "true")
        return json_answer({"cancelled": True})

    def routes(self) -> Sequence[Route]:
        return [
            Route(
                method="POST",
                path=f"{_PATH}/copy",
                handler=self.copy,
                summary="Copy a model to a machine",
                access=MANAGEMENT,
                body=NewCopy,
                answer=shapes.Copy,
                answer_statuses=(202,),
                errors=(404, 409, 502, 507),
            ),
            Route(
                method="GET",
                path=f"{_PATH}/copies",
                handler=self.show,
                summary="List the copies and downloads that are under way or ended lately",
                access=MANAGEMENT,
                answer=shapes.Copies,
            ),
            Route(
                method="DELETE",
                path=f"{_PATH}/copies/<id>",
                handler=self.cancel,
                summary="Cancel a copy or download",
                access=MANAGEMENT,
                queries=(_KEEP,),
                answer=shapes.Cancelled,
                errors=(404, 409, 502),
            ),
        ]
