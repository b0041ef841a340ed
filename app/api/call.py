"""A request as the handlers see it, and the answers they give: nothing of the web framework."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from corral.app.gateway.endpoint import Client, GatewayRequest, GatewayResponse
from corral.app.gateway.model_rules import requested_model
from corral.app.gateway.principal import Principal
from corral.app.gateway.trace import Trace

JSON_HEADERS = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP request that has passed the checks of its route."""

    method: str
    path: str
    headers: Mapping[str, str]  # names in lower case
    client: Client
    request_id: str
    parameters: Mapping[str, str] = field(default_factory=dict)  # from the path
    body: bytes = b""
    json: Mapping[str, Any] = field(default_factory=dict)  # `body` decoded, where the route has one
    query: Mapping[str, str] = field(default_factory=dict)  # the last value of each name
    secure: bool = False  # came over https
    from_this_machine: bool = False  # and not through another member
    trace: Trace = field(default_factory=Trace)
    details: dict[str, str] = field(default_factory=dict)  # a handler's words for the audit log; no secrets

    @property
    def principal(self) -> Principal:
        """Who asks. Only for routes with an `access`."""
        assert self.client.principal is not None, "this route is open to all"
        return self.client.principal

    def inference(self, path: str | None = None) -> GatewayRequest:
        """The same for the gateway. Raises what `requested_model` raises."""
        return GatewayRequest(
            method=self.method,
            path=path or self.path,
            headers=self.headers,
            body=self.body,
            json=self.json,
            model=requested_model(self.json),
            client=self.client,
            request_id=self.request_id,
            trace=self.trace,
        )


def json_answer(document: object, *, status: int = 200) -> GatewayResponse:
    """`document` is whatever orjson takes, or JSON already (bytes)."""
    data = document if isinstance(document, bytes) else orjson.dumps(document)
    return GatewayResponse(status=status, headers=JSON_HEADERS, body=once(data))


async def once(data: bytes) -> AsyncIterator[bytes]:
    """A body of one piece."""
    yield data
