"""The Quart application: a thin adapter between HTTP and the handlers of the route table."""

import re
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

import structlog
from quart import Quart, Response, g, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, RequestTimeout
from werkzeug.exceptions import MethodNotAllowed as WerkzeugMethodNotAllowed

from corral.app.api import answers
from corral.app.api.body import check_media_type, parse_object
from corral.app.api.call import Call, json_answer
from corral.app.api.connection import CorralApp
from corral.app.api.errors import error_body, error_headers, shape_of
from corral.app.api.health import Health, NodeInfo, NodeState, check_ready
from corral.app.api.key_routes import KeyRoutes
from corral.app.api.metrics import Metrics
from corral.app.api.node_routes import NodeModels, NodeRoutes
from corral.app.api.openapi import openapi_document
from corral.app.api.origins import cors_headers, host_allowed
from corral.app.api.request_errors import (
    BadRequest,
    BodyTimeout,
    BodyTooLarge,
    HostNotAllowed,
    MethodNotAllowed,
    RouteNotFound,
)
from corral.app.api.route import Route, body_limit, is_inference
from corral.app.api.v1 import V1
from corral.app.gateway.auth import ApiKey, KeyBook, authenticate, is_from_this_machine
from corral.app.gateway.endpoint import Client, GatewayResponse
from corral.app.gateway.gateway import Gateway
from corral.app.ids import new_id
from corral.app.openai.responses.service import ResponsesService
from corral.app.store.api_keys import ApiKeys

BODY_TIMEOUT_S = 300
_SANE_ID = re.compile(r"^[A-Za-z0-9._:-]{1,128}$")
_STREAM = "text/event-stream"
_LOG = structlog.get_logger(__name__)

View = Callable[..., Awaitable[Response]]


def create_app(
    *,
    gateway: Gateway,
    responses: ResponsesService,
    keys: KeyBook,
    api_keys: ApiKeys,
    models: NodeModels,
    node: NodeInfo,
    state: Callable[[], NodeState],
    metrics: Metrics,
    on_stop: Callable[[], None],
    show_metrics: bool = True,
    cors_origins: Collection[str] = (),
    allowed_hosts: Collection[str] = (),
    now: Callable[[], float] = time.time,
) -> CorralApp:
    """`keys` are those that are accepted, `api_keys` those that are managed; `allowed_hosts`: more names that /v0 answers to; `on_stop` must return at once."""
    app = CorralApp(__name__, active=metrics.active)
    app.config["RESPONSE_TIMEOUT"] = None  # streams last as long as they last
    app.config["BODY_TIMEOUT"] = BODY_TIMEOUT_S
    app.config["MAX_CONTENT_LENGTH"] = None  # by path, see HttpConnection
    app.url_map.merge_slashes = False
    edge = _Edge(keys=keys, state=state, hosts=frozenset(map(str.lower, allowed_hosts)), now=now)
    routes = [
        *V1(gateway=gateway, responses=responses).routes(),
        *Health(node=node, state=state, metrics=metrics, show_metrics=show_metrics).routes(),
        *NodeRoutes(models=models, on_stop=on_stop).routes(),
        *KeyRoutes(keys=api_keys, now=now).routes(),
    ]
    routes.append(_document_route(routes, node.version))
    app.routes = tuple(routes)
    for route in routes:
        app.add_url_rule(
            route.path,
            endpoint=f"{route.method} {route.path}",
            view_func=edge.view(route),
            methods=[route.method],
        )
    _Around(metrics=metrics, cors_origins=frozenset(cors_origins), node_name=node.name).install(app)
    return app


def _document_route(routes: Sequence[Route], version: str) -> Route:
    async def handler(_call: Call) -> GatewayResponse:
        return json_answer(document)

    route = Route(
        method="GET",
        path="/openapi.json",
        handler=handler,
        summary="This document",
        answer=answers.Document,
    )
    document = openapi_document([*routes, route], version=version)
    return route


class _Edge:
    """Checks a request as its route wants, calls the handler, and gives Quart the answer."""

    def __init__(
        self,
        *,
        keys: KeyBook,
        state: Callable[[], NodeState],
        hosts: Collection[str],
        now: Callable[[], float],
    ) -> None:
        self._keys = keys
        self._state = state
        self._hosts = hosts
        self._now = now

    def view(self, route: Route) -> View:
        """The view function of a route."""

        async def view(**parameters: str) -> Response:
            try:
                return await _response(await route.handler(await self._call(route, parameters)))
            except HTTPException:
                raise
            except Exception as error:  # noqa: BLE001 - the edge: every error becomes an answer
                return _error_response(error)

        return view

    async def _call(self, route: Route, parameters: dict[str, str]) -> Call:
        headers = _lower(request.headers.items())
        if route.path.startswith("/v0/") and not host_allowed(headers.get("host", ""), self._hosts):
            raise HostNotAllowed
        key: ApiKey | None = None
        if route.scope is not None:
            key = authenticate(
                headers,
                scope=route.scope,
                keys=self._keys,
                now=self._now(),
                from_this_machine=is_from_this_machine(request.remote_addr or "", _server_address()),
            )
        if route.needs_ready:
            check_ready(self._state())
        body = b""
        if route.body is not None:
            check_media_type(headers.get("content-type", ""))
            body = await _read_body()
        return Call(
            method=route.method,
            path=request.path,
            headers=headers,
            client=Client(address=request.remote_addr or "", api_key_id=None if key is None else key.id),
            request_id=g.request_id,
            parameters=parameters,
            body=body,
            json=parse_object(body) if route.body is not None else {},
        )


class _Around:
    """What happens before and after every request, also those without a route."""

    def __init__(self, *, metrics: Metrics, cors_origins: Collection[str], node_name: str) -> None:
        self._metrics = metrics
        self._node_name = node_name
        self._cors_origins = cors_origins

    def install(self, app: Quart) -> None:
        app.before_request(self._begin)
        app.after_request(self._end)
        app.register_error_handler(HTTPException, self._http_error)

    async def _begin(self) -> None:
        given = request.headers.get("x-request-id", "")
        g.request_id = given if _SANE_ID.match(given) else new_id(time.time())
        g.started_at = time.perf_counter()

    async def _end(self, response: Response) -> Response:
        response.headers["x-request-id"] = g.request_id
        if is_inference(request.path):
            response.headers.setdefault("x-corral-node", self._node_name)
            preflight = request.method == "OPTIONS"
            added = cors_headers(_lower(request.headers.items()), self._cors_origins, preflight=preflight)
            response.headers.update(added)
        rule = request.url_rule
        self._metrics.request(
            method=request.method if rule is not None else "other",
            route=rule.rule if rule is not None else "other",
            status=response.status_code,
            seconds=time.perf_counter() - g.started_at,
        )
        return response

    async def _http_error(self, error: HTTPException) -> Response:
        if isinstance(error, WerkzeugMethodNotAllowed):
            return _error_response(MethodNotAllowed(request.method, list(error.valid_methods or ())))
        if error.code == 404:
            return _error_response(RouteNotFound(request.path))
        return _error_response(BadRequest(f"this request can't be understood: {error.description}"))


def _server_address() -> str:
    """The address of ours that the client connected to."""
    server: tuple[str, int | None] | None = request.scope.get("server")
    return "" if server is None else server[0]


async def _read_body() -> bytes:
    try:
        return bytes(await request.get_data(cache=False, as_text=False, parse_form_data=False))
    except RequestEntityTooLarge as error:
        raise BodyTooLarge(body_limit(request.path)) from error
    except RequestTimeout as error:
        raise BodyTimeout from error


async def _response(answer: GatewayResponse) -> Response:
    """Streams go out as they come; anything else is sent whole, with its length."""
    if answer.headers.get("content-type", "").startswith(_STREAM):
        response = Response(answer.body, status=answer.status, headers=dict(answer.headers))
        response.automatically_set_content_length = False
        return response
    body = b"".join([piece async for piece in answer.body])
    return Response(body, status=answer.status, headers=dict(answer.headers))


def _error_response(error: Exception) -> Response:
    shape = shape_of(error)
    if shape.status == 500:
        _LOG.error("request failed", request_id=g.request_id, path=request.path, exc_info=error)
    return Response(error_body(error), status=shape.status, headers=error_headers(error))


def _lower(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}
