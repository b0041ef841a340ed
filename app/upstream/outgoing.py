"""A client's request as a server elsewhere gets it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from corral.app.gateway.endpoint import GatewayRequest
from corral.app.openai.form import is_form, parse_form

_PASSED_ON = ("content-type", "accept", "traceparent", "tracestate", "openai-beta")
STREAMED = frozenset({"/v1/chat/completions", "/v1/completions"})  # as events that end with usage and [DONE]
_ASK_FOR_USAGE = b'"stream_options":{"include_usage":true},'


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What is sent. `asked_usage`: for ourselves, so that the client must not see it."""

    headers: Mapping[str, str]
    body: bytes
    asked_usage: bool = False


def outgoing(request: GatewayRequest, name_there: str) -> Outgoing:
    """The client's own bytes wherever nothing has to be changed; never its credentials."""
    headers = {name: value for name in _PASSED_ON if (value := request.headers.get(name)) is not None}
    headers["accept-encoding"] = "identity"
    headers["x-request-id"] = request.request_id
    headers.setdefault("content-type", "application/json")
    json = request.json
    asks = request.path in STREAMED and json.get("stream") is True
    options = json.get("stream_options") if asks else None
    asks = asks and not (isinstance(options, Mapping) and options.get("include_usage"))
    if is_form(headers["content-type"]):
        return Outgoing(headers=headers, body=_form(request, name_there))
    renamed = name_there != request.asked_model
    if not renamed and not asks:
        return Outgoing(headers=headers, body=request.body or orjson.dumps(json))
    if not renamed and "stream_options" not in json and request.body:
        start = request.body.index(b"{") + 1
        body = b"".join((request.body[:start], _ASK_FOR_USAGE, request.body[start:]))
        return Outgoing(headers=headers, body=body, asked_usage=True)
    changed = {**json, "model": name_there}
    if asks:
        kept = options if isinstance(options, Mapping) else {}
        changed["stream_options"] = {**kept, "include_usage": True}
    return Outgoing(headers=headers, body=orjson.dumps(changed), asked_usage=asks)


def _form(request: GatewayRequest, name_there: str) -> bytes:
    if name_there == request.asked_model:
        return request.body
    return parse_form(request.headers["content-type"], request.body).with_text("model", name_there)
