"""The way of every request, without the web framework: checks as its route wants them, handler, record, audit."""

import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson
import structlog

from corral.app.api.body import check_media_type, parse_object
from corral.app.api.call import Call, once
from corral.app.api.errors import error_body_in, error_headers, error_object, shape_of
from corral.app.api.health import NodeState, check_ready
from corral.app.api.origins import host_allowed
from corral.app.api.request_errors import HostNotAllowed, UnsupportedMediaType
from corral.app.api.route import Route
from corral.app.dialects.dialect import dialect_of
from corral.app.gateway.audit import AuditEntry, AuditLog
from corral.app.gateway.auth import (
    Asking,
    Authenticator,
    check_allowed,
    is_from_this_machine,
    shows_cookie,
)
from corral.app.gateway.endpoint import Client, GatewayResponse
from corral.app.gateway.recording import RecordedBody, RequestLog, RequestRecord
from corral.app.gateway.relayed import Relayed
from corral.app.gateway.trace import Trace
from corral.app.ids import new_id
from corral.app.openai.form import MEDIA_TYPE, is_form, parse_form

_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A request as it came over HTTP."""

    method: str
    path: str
    headers: Mapping[str, str]  # names in lower case
    query: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)  # from the path
    address: str  # IP address of the client
    server_address: str  # ours, that it connected to
    request_id: str
    secure: bool = False  # over https
    relayed: Relayed | None = None  # by another member; then the addresses are those that it saw
    read_body: Callable[[], Awaitable[bytes]]


@dataclass(slots=True, kw_only=True)
class _Progress:
    """How far a request came, for its record."""

    client: Client
    trace: Trace = field(default_factory=Trace)
    body: bytes = b""  # as the history gets it
    body_bytes: int | None = None  # where it was more
    model: str | None = None
    details: dict[str, str] = field(default_factory=dict)


class Answering(Protocol):
    """Answers requests; `Edge` is the real one."""

    async def answer(self, route: Route, incoming: Incoming) -> GatewayResponse:
        """Never raises, but for a cancel."""


class Edge:
    """Answers requests. Whatever goes wrong becomes an error answer here."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        state: Callable[[], NodeState],
        hosts: Callable[[], Collection[str]],
        requests: RequestLog,
        audit: AuditLog,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`hosts` are names in lower case that /v0 answers to, besides addresses; `now` gives Unix time."""
        self._authenticator = authenticator
        self._state = state
        self._hosts = hosts
        self._requests = requests
        self._audit = audit
        self._now = now
        self._clock = clock

    async def answer(self, route: Route, incoming: Incoming) -> GatewayResponse:
        """The answer to a request; only a cancel is raised."""
        began, started_at = self._clock(), self._now()
        progress = _Progress(client=Client(address=incoming.address))
        try:
            call = await self._call(route, incoming, progress)
            answer = await route.handler(call)
        except Exception as error:  # noqa: BLE001 - the edge: every error becomes an answer
            answer = _error_answer(error, incoming)
            progress.trace.error_code = str(error_object(error)["code"])
        if route.audited:
            await self._audit.write(_entry(route, incoming, progress, answer, at=started_at))
        if not route.recorded:
            return answer
        record = RequestRecord(
            id=new_id(started_at),
            request_id=incoming.request_id,
            started_at=started_at,
            method=incoming.method,
            path=incoming.path,
            client=progress.client,
            trace=progress.trace,
            model=progress.model,
            request_body=progress.body,
            request_bytes=len(progress.body) if progress.body_bytes is None else progress.body_bytes,
            status=answer.status,
            content_type=answer.headers.get("content-type", ""),
            streamed=answer.streamed,
        )
        return answer.with_body(RecordedBody(answer.body, record, self._finisher(began)))

    def _finisher(self, began: float) -> Callable[[RequestRecord], None]:
        def finish(record: RequestRecord) -> None:
            record.duration_s = self._clock() - began
            self._requests.put(record)

        return finish

    async def _call(self, route: Route, incoming: Incoming, progress: _Progress) -> Call:
        headers = incoming.headers
        relayed = incoming.relayed
        by_browser = route.access is not None and shows_cookie(headers)
        if (route.checks_host or by_browser) and not (
            (relayed is not None and relayed.host_ok) or host_allowed(headers.get("host", ""), self._hosts())
        ):
            raise HostNotAllowed
        here = relayed is None and is_from_this_machine(incoming.address, incoming.server_address)
        if route.access is not None:
            asking = Asking(method=incoming.method, headers=headers, from_this_machine=here, relayed=relayed)
            principal = self._authenticator.recognised(asking, route.access, now=self._now())
            progress.client = Client(address=incoming.address, principal=principal)
            check_allowed(principal, route.access)
        if route.needs_ready:
            check_ready(self._state())
        body, json = b"", dict[str, Any]()
        if route.body is not None:
            body, json = await _body_of(route, incoming, progress)
            model = json.get("model")
            progress.model = model if isinstance(model, str) else None
        return Call(
            method=incoming.method,
            path=incoming.path,
            headers=headers,
            client=progress.client,
            request_id=incoming.request_id,
            parameters=incoming.parameters,
            query=incoming.query,
            secure=incoming.secure,
            from_this_machine=here,
            body=body,
            json=json,
            trace=progress.trace,
            details=progress.details,
        )


async def _body_of(route: Route, incoming: Incoming, progress: _Progress) -> tuple[bytes, dict[str, Any]]:
    """As it came, and what is in it. The record gets the same, but of a form not its files."""
    content_type = incoming.headers.get("content-type", "")
    if not route.form:
        if not route.any_media_type:
            check_media_type(content_type)
        progress.body = body = await incoming.read_body()
        return body, parse_object(body)
    if not is_form(content_type):
        raise UnsupportedMediaType(content_type, wanted=MEDIA_TYPE)
    body = await incoming.read_body()
    progress.body_bytes = len(body)
    form = parse_form(content_type, body)
    progress.body = orjson.dumps(form.redacted())
    return body, form.fields()


def _entry(
    route: Route, incoming: Incoming, progress: _Progress, answer: GatewayResponse, *, at: float
) -> AuditEntry:
    return AuditEntry(
        at=at,
        client=progress.client,
        action=route.summary,
        method=incoming.method,
        path=incoming.path,
        status=answer.status,
        request_id=incoming.request_id,
        details=progress.details,
    )


def _error_answer(error: Exception, incoming: Incoming) -> GatewayResponse:
    status = shape_of(error).status
    if status == 500:
        _LOG.error("request failed", path=incoming.path, exc_info=error)
    dialect = dialect_of(incoming.path, incoming.headers)
    body = error_body_in(dialect, error, request_id=incoming.request_id)
    return GatewayResponse(status=status, headers=error_headers(error), body=once(body))
