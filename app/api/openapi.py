"""The OpenAPI 3.1 document, made from the route table."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from corral.app.api import answers
from corral.app.api.route import EVENT_STREAM, JSON, Route
from corral.app.gateway.auth import SESSION_COOKIE
from corral.app.gateway.principal import Access
from corral.app.openai.form import MEDIA_TYPE

_REFERENCE = "#/components/schemas/{model}"
_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key or a session token."},
    "x-api-key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
}
_AUTH_ERRORS = (401, 403)
_BODY_ERRORS = (400, 408, 413, 415)

_Key = tuple[type[BaseModel], JsonSchemaMode]
References = Mapping[_Key, dict[str, Any]]


class OpenApi:
    """The document as JSON, made when somebody asks for it first: few nodes are asked, and it takes megabytes to make."""

    def __init__(self, routes: Sequence[Route], *, version: str) -> None:
        self._routes = routes
        self._version = version
        self._making = asyncio.Lock()
        self._made: bytes | None = None

    async def json(self) -> bytes:
        """Two who ask at once get the same."""
        async with self._making:
            if self._made is None:
                for shape, _ in _wanted(self._routes):
                    shape.model_rebuild()  # not in the thread: requests may be validated meanwhile
                    await asyncio.sleep(0)
                self._made = await asyncio.to_thread(self._make)
        return self._made

    def _make(self) -> bytes:
        return orjson.dumps(openapi_document(self._routes, version=self._version))


def openapi_document(routes: Sequence[Route], *, version: str) -> dict[str, Any]:
    """Every route, with its body, answers and errors."""
    references, definitions = _schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        operation = _operation(route, references)
        paths.setdefault(route.document_path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Corral", "version": version, "description": "One private LLM service for a LAN."},
        "paths": paths,
        "components": {"schemas": definitions, "securitySchemes": _SECURITY},
    }


def _wanted(routes: Sequence[Route]) -> list[_Key]:
    wanted: dict[_Key, None] = {(answers.Error, "serialization"): None}
    for route in routes:
        if route.body is not None:
            wanted[(route.body, "validation")] = None
        if route.error is not None:
            wanted[(route.error, "serialization")] = None
        if route.answer is not None:
            wanted[(route.answer, "serialization")] = None
    return list(wanted)


def _schemas(routes: Sequence[Route]) -> tuple[References, dict[str, Any]]:
    wanted = _wanted(routes)
    found, schema = models_json_schema(wanted, ref_template=_REFERENCE)
    references = {key: found[key] for key in wanted}
    return references, schema.get("$defs", {})


def _operation(route: Route, references: References) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "responses": _responses(route, references),
    }
    if route.access is not None:
        operation["security"] = [{name: []} for name in _SECURITY]
        operation["description"] = _who_may(route.access)
    if route.parameters or route.queries:
        operation["parameters"] = [
            *(
                {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
                for name in route.parameters
            ),
            *(
                {"name": each.name, "in": "query", "description": each.description, "schema": each.schema}
                for each in route.queries
            ),
        ]
    if route.body is not None:
        schema = references[(route.body, "validation")]
        operation["requestBody"] = {
            "required": True,
            "content": {MEDIA_TYPE if route.form else JSON: {"schema": schema}},
        }
    return operation


def _responses(route: Route, references: References) -> dict[str, Any]:
    error = {JSON: {"schema": references[(route.error or answers.Error, "serialization")]}}
    schema = {} if route.answer is None else references[(route.answer, "serialization")]
    content = {kind: {"schema": _schema_of(kind, schema)} for kind in route.answer_types}
    responses = {
        str(status): {"description": HTTPStatus(status).phrase, "content": content}
        for status in route.answer_statuses
    }
    for status in error_statuses(route):
        responses[str(status)] = {"description": HTTPStatus(status).phrase, "content": error}
    return responses | {"default": {"description": "Any other error", "content": error}}


def _schema_of(kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Of an answer of this media type; OpenAPI has no words for what stands in streams of events."""
    if kind == EVENT_STREAM:
        return {}
    return schema if kind == JSON else {"type": "string"}


def error_statuses(route: Route) -> list[int]:
    """Statuses with the error shape that a route may answer."""
    found = set(route.errors)
    found |= set(_AUTH_ERRORS if route.access is not None else ())
    found |= set(_BODY_ERRORS if route.body is not None else ())
    found |= {403} if route.checks_host else set()
    found |= {400} if route.queries else set()
    return sorted(found - set(route.answer_statuses))


def _who_may(access: Access) -> str:
    keys = " or ".join(f"`{scope}`" for scope in sorted(access.scopes))
    users = " or ".join(sorted(access.roles))
    return " ".join(
        [f"API keys need the scope {keys}."] * bool(keys)
        + [f"Signed-in users: {users}."] * bool(users)
        + ["Runtimes: their token in `X-Runtime-Token`."] * access.runtime_token
    )


def _operation_id(route: Route) -> str:
    words = "".join(each if each.isalnum() else " " for each in route.document_path).split()
    return "_".join([route.method.lower(), *words])
