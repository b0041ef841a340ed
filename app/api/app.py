"""The Quart application: a thin adapter between HTTP and the handlers of the route table."""

import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

import structlog
from quart import Quart, Response, g, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, RequestTimeout
from werkzeug.exceptions import MethodNotAllowed as WerkzeugMethodNotAllowed

from corral.app.api import answers
from corral.app.api.around import Around
from corral.app.api.asgi_scope import refused_of, relayed_of
from corral.app.api.call import Call, json_answer
from corral.app.api.connection import CorralApp
from corral.app.api.converters import CONVERTERS
from corral.app.api.direct import BODY_TIMEOUT_S, Direct, is_direct
from corral.app.api.edge import Answering, Incoming
from corral.app.api.errors import error_body_in, error_headers, shape_of
from corral.app.api.health import NodeInfo
from corral.app.api.metrics import Metrics
from corral.app.api.openapi import OpenApi
from corral.app.api.request_errors import (
    BadRequest,
    BodyTimeout,
    BodyTooLarge,
    MethodNotAllowed,
    RouteNotFound,
)
from corral.app.api.route import Route, body_limit
from corral.app.dialects.dialect import dialect_of
from corral.app.gateway.endpoint import GatewayResponse

View = Callable[..., Awaitable[Response]]


def create_app(
    *,
    edge: Answering,
    routes: Iterable[Route],
    node: NodeInfo,
    metrics: Metrics,
    cors_origins: Collection[str] = (),
) -> CorralApp:
    """Serve the `routes`, and the document that describes them."""
    app = CorralApp(__name__, active=metrics.active)
    app.config["RESPONSE_TIMEOUT"] = None  # streams last as long as they last
    app.config["BODY_TIMEOUT"] = BODY_TIMEOUT_S
    app.config["MAX_CONTENT_LENGTH"] = None  # by path, see HttpConnection
    app.url_map.merge_slashes = False
    app.url_map.converters.update(CONVERTERS)
    table = list(routes)
    app.routes = (*table, _document_route(table, node.version))
    for route in app.routes:
        app.add_url_rule(
            route.path,
            endpoint=f"{route.method} {route.path}",
            view_func=_view(edge, route),
            methods=[route.method],
        )
    around = Around(metrics=metrics, cors_origins=cors_origins, node_name=node.name)
    _Framework(around).install(app)
    direct = [Direct(app=app, edge=edge, around=around, route=route) for route in table if is_direct(route)]
    app.direct = {each.route.path: each.connection for each in direct}
    app.plain = {each.route.path: each.plain for each in direct}
    return app


def _document_route(routes: Sequence[Route], version: str) -> Route:
    async def handler(_call: Call) -> GatewayResponse:
        return json_answer(await document.json())

    route = Route(
        method="GET",
        path="/openapi.json",
        handler=handler,
        summary="This document",
        answer=answers.Document,
        node_local=True,
    )
    document = OpenApi([*routes, route], version=version)
    return route


def _view(edge: Answering, route: Route) -> View:
    async def view(**parameters: str) -> Response:
        return await _response(await edge.answer(route, _incoming(parameters)))

    return view


def _incoming(parameters: Mapping[str, str]) -> Incoming:
    server: tuple[str, int | None] | None = request.scope.get("server")
    return Incoming(
        method=request.method,
        path=request.path,
        headers=_lower(request.headers.items()),
        query=request.args.to_dict() if request.query_string else {},
        parameters=parameters,
        address=request.remote_addr or "",
        server_address="" if server is None else server[0],
        request_id=g.request_id,
        secure=request.scheme == "https",
        relayed=relayed_of(request.scope),
        read_body=_read_body,
    )


class _Framework:
    """What happens before and after every request of the framework, also those without a route."""

    def __init__(self, around: Around) -> None:
        self._around = around

    def install(self, app: Quart) -> None:
        app.before_request(self._begin)
        app.after_request(self._end)
        app.register_error_handler(HTTPException, self._http_error)

    async def _begin(self) -> Response | None:
        g.request_id = self._around.request_id(_lower(request.headers.items()))
        g.started_at = time.perf_counter()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)
        refused = refused_of(request.scope)
        return None if refused is None else _error_response(refused)

    async def _end(self, response: Response) -> Response:
        around, path, rule = self._around, request.path, request.url_rule
        headers = _lower(request.headers.items())
        response.headers.update(around.added_headers(request.method, path, headers, g.request_id))
        for name, value in around.usual_headers(path).items():
            response.headers.setdefault(name, value)
        around.count(
            method=request.method,
            route=None if rule is None else rule.rule,
            status=response.status_code,
            began=g.started_at,
        )
        return response

    async def _http_error(self, error: HTTPException) -> Response:
        if isinstance(error, WerkzeugMethodNotAllowed):
            return _error_response(MethodNotAllowed(request.method, list(error.valid_methods or ())))
        if error.code == 404:
            return _error_response(RouteNotFound(request.path))
        return _error_response(BadRequest(f"this request can't be understood: {error.description}"))


async def _read_body() -> bytes:
    try:
        return bytes(await request.get_data(cache=False, as_text=False, parse_form_data=False))
    except RequestEntityTooLarge as error:
        raise BodyTooLarge(body_limit(request.path)) from error
    except RequestTimeout as error:
        raise BodyTimeout from error


async def _response(answer: GatewayResponse) -> Response:
    """Streams go out as they come; anything else is sent whole, with its length. HEAD wants no body."""
    if answer.streamed and request.method == "HEAD":
        if close := getattr(answer.body, "aclose", None):
            await close()
        return Response(b"", status=answer.status, headers=dict(answer.headers))
    if answer.streamed:
        response = Response(answer.body, status=answer.status, headers=dict(answer.headers))
        response.automatically_set_content_length = False
        return response
    body = b"".join([piece async for piece in answer.body])
    return Response(body, status=answer.status, headers=dict(answer.headers))


def _error_response(error: Exception) -> Response:
    dialect = dialect_of(request.path, _lower(request.headers.items()))
    body = error_body_in(dialect, error, request_id=g.request_id)
    return Response(body, status=shape_of(error).status, headers=error_headers(error))


def _lower(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}
