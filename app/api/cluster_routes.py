"""Managing the cluster: its machines, who may join, who is router."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, Field

from corral.app.api import cluster_answers as shapes
from corral.app.api.call import JSON_HEADERS, Call, json_answer
from corral.app.api.people_bodies import Strict
from corral.app.api.route import Handler, Route
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import MANAGEMENT
from corral.app.openai.validation import validated
from corral.peers.pairing.token import MOST_HOURS

_PATH = "/v0/cluster"
_SECRET_HEADERS = {**JSON_HEADERS, "cache-control": "no-store"}

Document = Mapping[str, Any]


class ClusterControl(Protocol):
    """What can be done with the cluster. Documents are as `cluster_answers` shapes them; errors are ClusterErrors."""

    def document(self) -> Document: ...

    def local(self) -> Document: ...

    async def decide(self, request: str, *, approve: bool, by: str) -> Document: ...

    async def remove(self, node: str) -> None: ...

    async def choose_router(self, node: str, choice: str | None) -> Document: ...

    async def rename(self, name: str) -> None: ...

    async def hand_over(self, node: str | None) -> Document: ...

    def show_code(self) -> Document: ...

    async def invite(self, *, uses: int, hours: float, by: str) -> Document: ...

    async def invites(self) -> Sequence[Document]: ...

    async def revoke_invite(self, id: str) -> None: ...

    async def join(self, *, token: str | None, code: str | None, host: str | None) -> None: ...

    async def leave(self) -> None: ...

    async def add_address(self, address: str) -> None: ...

    async def remove_address(self, address: str) -> None: ...


class ClusterName(Strict):
    """A label of a host name: letters, digits and hyphens."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]{0,48}[A-Za-z0-9])?$")]


class NodeChange(Strict):
    """Whether a machine should be the router; null: its own setting `router` counts."""

    router: Literal["auto", "prefer", "never"] | None


class Handover(Strict):
    """Without a node the best placed one takes over."""

    node: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class NewInvite(Strict):
    """How many machines a token lets in, and for how long."""

    uses: Annotated[int, Field(ge=1, le=1000)] = 1
    hours: Annotated[float, Field(gt=0, le=MOST_HOURS, strict=False)] = 24


class Join(Strict):
    """With a token, with a code, or by asking; `host` is a machine of the cluster, if it isn't to be looked for."""

    token: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    code: Annotated[str, Field(min_length=6, max_length=9)] | None = None
    host: Annotated[str, Field(min_length=1, max_length=300)] | None = None


class PeerAddress(Strict):
    """Where another machine's peer port is: a host name or an IP address, with a port if it isn't 32769."""

    address: Annotated[str, Field(min_length=1, max_length=300)]


class ClusterRoutes:
    """Handlers of /v0/cluster."""

    def __init__(self, *, control: ClusterControl) -> None:
        self._control = control

    async def show(self, call: Call) -> GatewayResponse:
        return json_answer(self._control.document())

    async def show_local(self, call: Call) -> GatewayResponse:
        return json_answer(self._control.local())

    async def rename(self, call: Call) -> GatewayResponse:
        await self._control.rename(validated(ClusterName, call.json).name.lower())
        return json_answer(self._control.document())

    async def approve(self, call: Call) -> GatewayResponse:
        return json_answer(await self._decide(call, approve=True))

    async def deny(self, call: Call) -> GatewayResponse:
        return json_answer(await self._decide(call, approve=False))

    async def remove(self, call: Call) -> GatewayResponse:
        await self._control.remove(call.parameters["id"])
        return json_answer({"removed": True})

    async def change_node(self, call: Call) -> GatewayResponse:
        wanted = validated(NodeChange, call.json)
        return json_answer(await self._control.choose_router(call.parameters["id"], wanted.router))

    async def hand_over(self, call: Call) -> GatewayResponse:
        return json_answer(await self._control.hand_over(validated(Handover, call.json).node))

    async def show_code(self, call: Call) -> GatewayResponse:
        return _secret(self._control.show_code())

    async def invite(self, call: Call) -> GatewayResponse:
        wanted = validated(NewInvite, call.json)
        made = await self._control.invite(uses=wanted.uses, hours=wanted.hours, by=call.principal.name)
        return _secret(made, status=201)

    async def invites(self, call: Call) -> GatewayResponse:
        found = await self._control.invites()
        return json_answer({"invites": list(found), "total": len(found)})

    async def revoke_invite(self, call: Call) -> GatewayResponse:
        await self._control.revoke_invite(call.parameters["id"])
        return json_answer({"revoked": True})

    async def join(self, call: Call) -> GatewayResponse:
        wanted = validated(Join, call.json)
        await self._control.join(token=wanted.token, code=wanted.code, host=wanted.host)
        return json_answer({"accepted": True}, status=202)

    async def leave(self, call: Call) -> GatewayResponse:
        await self._control.leave()
        return json_answer({"accepted": True}, status=202)

    async def add_address(self, call: Call) -> GatewayResponse:
        await self._control.add_address(validated(PeerAddress, call.json).address)
        return json_answer({"accepted": True}, status=202)

    async def remove_address(self, call: Call) -> GatewayResponse:
        await self._control.remove_address(call.parameters["id"])
        return json_answer({"removed": True})

    async def _decide(self, call: Call, *, approve: bool) -> Document:
        return await self._control.decide(call.parameters["id"], approve=approve, by=call.principal.name)

    def routes(self) -> Sequence[Route]:
        return [*self._shown(), *self._written(), *self._local()]

    def _shown(self) -> Sequence[Route]:
        return [
            _route("GET", "", self.show, "Show the cluster", answer=shapes.Cluster),
            _route(
                "GET", "/invites", self.invites, "List the tokens that let machines in", answer=shapes.Invites
            ),
        ]

    def _written(self) -> Sequence[Route]:
        approve, deny = "Let a machine into the cluster", "Turn a machine away"
        return [
            _route("PUT", "", self.rename, "Rename the cluster", answer=shapes.Cluster, body=ClusterName),
            _route(
                "POST", "/requests/<id>/approve", self.approve, approve, answer=shapes.Decided, errors=(404,)
            ),
            _route("POST", "/requests/<id>/deny", self.deny, deny, answer=shapes.Decided, errors=(404,)),
            _route(
                "PUT",
                "/nodes/<id>",
                self.change_node,
                "Choose whether a machine should be the router",
                answer=shapes.Node,
                body=NodeChange,
                errors=(404,),
            ),
            _route(
                "DELETE",
                "/nodes/<id>",
                self.remove,
                "Remove a machine",
                answer=shapes.Removed,
                errors=(404, 409),
            ),
            _route(
                "POST",
                "/handover",
                self.hand_over,
                "Let another machine be the router",
                answer=shapes.HandedOver,
                body=Handover,
                errors=(404, 409),
            ),
            _route(
                "POST",
                "/code",
                self.show_code,
                "Show a code that lets one machine in",
                answer=shapes.JoinCode,
            ),
            _route(
                "POST",
                "/invites",
                self.invite,
                "Make a token that lets machines in",
                answer=shapes.NewInvite,
                body=NewInvite,
                statuses=(201,),
            ),
            _route(
                "DELETE",
                "/invites/<id>",
                self.revoke_invite,
                "Revoke a token",
                answer=shapes.Revoked,
                errors=(404,),
            ),
        ]

    def _local(self) -> Sequence[Route]:
        return [
            _route(
                "GET", "/local", self.show_local, "Show this machine's own view", answer=shapes.LocalCluster
            ),
            _begun("/local/join", self.join, "Join another cluster", body=Join),
            _begun("/local/leave", self.leave, "Leave the cluster"),
            _begun("/local/peers", self.add_address, "Look for a machine at an address", body=PeerAddress),
            _route(
                "DELETE",
                "/local/peers/<id>",
                self.remove_address,
                "Look for no machine at an address any more",
                answer=shapes.Removed,
                errors=(404, 409),
            ),
        ]


def _begun(path: str, handler: Handler, summary: str, *, body: type[BaseModel] | None = None) -> Route:
    return _route(
        "POST", path, handler, summary, answer=shapes.Accepted, body=body, statuses=(202,), errors=(409,)
    )


def _route(
    method: str,
    path: str,
    handler: Handler,
    summary: str,
    *,
    answer: type[BaseModel],
    body: type[BaseModel] | None = None,
    statuses: tuple[int, ...] = (200,),
    errors: tuple[int, ...] = (),
) -> Route:
    return Route(
        method=method,
        path=f"{_PATH}{path}",
        handler=handler,
        summary=summary,
        access=MANAGEMENT,
        body=body,
        answer=answer,
        answer_statuses=statuses,
        errors=errors,
        node_local=path.startswith("/local"),
    )


def _secret(document: Document, *, status: int = 200) -> GatewayResponse:
    answer = json_answer(dict(document), status=status)
    return GatewayResponse(status=status, headers=_SECRET_HEADERS, body=answer.body)
