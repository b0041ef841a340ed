"""Pausing any machine of the cluster: whether it works for the others."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from corral.app.api.call import Call, json_answer
from corral.app.api.cluster_answers import NodeSharing
from corral.app.api.people_bodies import Strict
from corral.app.api.route import Route
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import MANAGEMENT
from corral.app.openai.validation import validated


class SharingControl(Protocol):
    """What can be done. Errors are NoSuchNode, CopyErrors and EngineErrors."""

    async def set_paused(self, node: str, *, paused: bool) -> Mapping[str, Any]: ...


class NodeSharingChoice(Strict):
    """Whether the machine works for itself only, until it starts again."""

    paused: bool


class SharingRoutes:
    """Handler of /v0/cluster/nodes/ID/sharing."""

    def __init__(self, *, control: SharingControl) -> None:
        self._control = control

    async def share(self, call: Call) -> GatewayResponse:
        paused = validated(NodeSharingChoice, call.json).paused
        document = await self._control.set_paused(call.parameters["id"], paused=paused)
        call.details.update(node=document["node"]["name"], paused=str(paused).lower())
        return json_answer(document)

    def routes(self) -> Sequence[Route]:
        return [
            Route(
                method="PUT",
                path="/v0/cluster/nodes/<id>/sharing",
                handler=self.share,
                summary="Pause or resume a machine's work for the others",
                access=MANAGEMENT,
                body=NodeSharingChoice,
                answer=NodeSharing,
                errors=(404, 409, 502),
            )
        ]
