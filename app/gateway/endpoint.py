"""Anything that can answer for a model: this node, a peer, an external server, a cloud provider."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NewType, Protocol

EndpointId = NewType("EndpointId", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Who asks."""

    address: str  # IP address
    api_key_id: str | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayResponse:
    """The answer. Whoever stops reading early must call `aclose` on the body: it cancels the work."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: AsyncIterator[bytes]


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


class Endpoint(Protocol):
    """One implementation for each kind of place; the gateway never asks which kind it is."""

    @property
    def id(self) -> EndpointId: ...

    @property
    def name(self) -> str: ...

    def models(self) -> Sequence[ServedModel]: ...

    async def forward(self, request: GatewayRequest) -> GatewayResponse:
        """Answer the request. Returns once the status is known; raises before the first byte, never after it."""
