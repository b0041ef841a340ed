"""Anything that can answer for a model: this node, a peer, an external server, a cloud provider."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NewType, Protocol

from corral.app.gateway.principal import Principal
from corral.app.gateway.standing import Machine, Standing
from corral.app.gateway.trace import Trace

EndpointId = NewType("EndpointId", str)
PlaceId = tuple[EndpointId, str]  # an endpoint, and the name under which it lists a model


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Who asks."""

    address: str  # IP address
    principal: Principal | None = None  # None on routes that are open to all

    @property
    def owner_id(self) -> str | None:
        """Whose things these are: the id of the key or the user."""
        return None if self.principal is None else self.principal.id


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayRequest:
    """One inference request as it came over HTTP. `json` is `body` decoded; always an object."""

    method: str
    path: str  # e.g. "/v1/chat/completions"
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    json: Mapping[str, Any]
    model: str
    client: Client
    request_id: str
    trace: Trace = field(default_factory=Trace)

    @property
    def asked_model(self) -> str:
        """The model as the client wrote it, and as its answer names it; `model` is what an alias stands for."""
        said = self.json.get("model")
        return said if isinstance(said, str) else self.model


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayResponse:
    """The answer. Whoever stops reading early must call `aclose` on the body: it cancels the work."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: AsyncIterator[bytes]
    streamed: bool = False  # goes out piece by piece, as it comes

    def with_body(self, body: AsyncIterator[bytes]) -> "GatewayResponse":
        """The same answer around another body."""
        return GatewayResponse(status=self.status, headers=self.headers, body=body, streamed=self.streamed)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """A model that an endpoint can serve, as `/v1/models` shows it."""

    id: str
    created: int  # Unix time, seconds
    capabilities: frozenset[str]  # engines.model.Capability values
    ready: bool  # loaded: answers without loading first
    lifecycle_status: str  # pending, caching, registered, error
    context_length: int
    size_bytes: int
    quantization: str
    error: str | None = None
    file_id: str | None = None  # of two models with the same one the files are the same; None: not known
    continues: bool = False  # takes an answer's beginning, and goes on with it


class Endpoint(Protocol):
    """One implementation for each kind of place; the gateway never asks which kind it is."""

    @property
    def id(self) -> EndpointId: ...

    @property
    def name(self) -> str: ...

    def models(self) -> Sequence[ServedModel]: ...

    def listed_name(self, model: str) -> str | None:
        """The id in `models` of what a client's name for a model means here; None if it isn't known."""

    def answers(self, path: str, model: str) -> bool:
        """Whether it has a route, e.g. "/v1/embeddings", and the model is made for that, as far as it is known."""

    def slots(self, model: str) -> int:
        """How many requests for a model it answers at the same time; more would only wait there."""

    def machine(self) -> Machine:
        """The computer behind it."""

    def standing(self, model: str) -> Standing:
        """How it stands to answer for a model, for choosing; of a model that it doesn't list too."""

    async def forward(self, request: GatewayRequest) -> GatewayResponse:
        """Answer the request. Returns once the status is known; raises before the first byte, never after it."""


def place_of(endpoint: Endpoint, model: str) -> PlaceId:
    """Where a model is answered, whatever way its name was written."""
    return endpoint.id, endpoint.listed_name(model) or model.strip().lower()
