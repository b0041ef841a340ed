"""Managing servers elsewhere: /v0/endpoints."""

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, Field

from corral.app.api import endpoint_answers as answers
from corral.app.api.call import Call, json_answer
from corral.app.api.people_bodies import Strict
from corral.app.api.route import Handler, Route
from corral.app.endpoints.control import EndpointControl
from corral.app.endpoints.record import INTERVAL_S, INTERVALS_S, LONGEST_TIMEOUT_S, MOST_WEIGHT, TIMEOUT_S
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import READ_ENDPOINTS, WRITE_ENDPOINTS, Access
from corral.app.openai.validation import validated
from corral.app.upstream.server import ServerKind

_PATH: Final = "/v0/endpoints"
_COLUMNS: Final = {  # field → column
    "name": "name",
    "type": "wanted_kind",
    "health_check_interval_secs": "health_check_interval_s",
    "inference_timeout_secs": "inference_timeout_s",
    "weight": "weight",
    "notes": "notes",
    "enabled": "enabled",
}


def _is_name(text: str) -> str:
    if text != text.strip() or not text.isprintable():
        raise ValueError("must be printable and not begin or end with a space")
    return text


def _is_key(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must be visible ASCII characters without spaces")
    return text


_Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_is_name)]
_Url = Annotated[str, Field(min_length=1, max_length=2000)]
_Key = Annotated[str, Field(max_length=4000), AfterValidator(_is_key)]
_Kind = Annotated[ServerKind, Field(strict=False)]
_Interval = Annotated[int, Field(ge=INTERVALS_S[0], le=INTERVALS_S[1])]
_Timeout = Annotated[int, Field(ge=1, le=LONGEST_TIMEOUT_S)]
_Weight = Annotated[float, Field(gt=0.0, le=MOST_WEIGHT, allow_inf_nan=False)]
_Notes = Annotated[str, Field(max_length=2000)]


class NewEndpoint(Strict):
    """A server to add. Without `type` it is detected; null and "" as key mean that it wants none."""

    name: _Name
    base_url: _Url
    api_key: _Key | None = None
    type: _Kind | None = None
    health_check_interval_secs: _Interval = INTERVAL_S
    inference_timeout_secs: _Timeout = TIMEOUT_S
    weight: _Weight = 1.0
    notes: _Notes | None = None
    enabled: bool = True


class TriedEndpoint(Strict):
    """A server to test without adding it."""

    base_url: _Url
    api_key: _Key | None = None
    type: _Kind | None = None


class ChangedEndpoint(Strict):
    """What is missing stays. Null takes the key, the notes or the type (then it is detected) away, else the usual value."""

    name: _Name = ""
    base_url: _Url = ""
    api_key: _Key | None = None
    type: _Kind | None = None
    health_check_interval_secs: _Interval | None = None
    inference_timeout_secs: _Timeout | None = None
    weight: _Weight | None = None
    notes: _Notes | None = None
    enabled: bool = True


class EndpointRoutes:
    """Handlers of /v0/endpoints."""

    def __init__(self, *, control: EndpointControl) -> None:
        self._control = control

    async def list(self, call: Call) -> GatewayResponse:
        endpoints = self._control.documents()
        return json_answer({"endpoints": endpoints, "total": len(endpoints)})

    async def show(self, call: Call) -> GatewayResponse:
        return json_answer(self._control.document(call.parameters["id"]))

    async def create(self, call: Call) -> GatewayResponse:
        wanted = validated(NewEndpoint, call.json)
        call.details["name"] = wanted.name
        document = await self._control.create(
            base_url=wanted.base_url, api_key=wanted.api_key or None, values=_values(wanted, set(_COLUMNS))
        )
        call.details["base_url"] = document["base_url"]
        return json_answer(document, status=201)

    async def update(self, call: Call) -> GatewayResponse:
        wanted = validated(ChangedEndpoint, call.json)
        given = wanted.model_fields_set
        call.details["changed"] = ", ".join(sorted(given))
        document = await self._control.change(
            call.parameters["id"],
            _values(wanted, given),
            base_url=wanted.base_url if "base_url" in given else None,
            api_key=wanted.api_key or None,
            new_key="api_key" in given,
        )
        return json_answer(document)

    async def remove(self, call: Call) -> GatewayResponse:
        call.details["name"] = await self._control.remove(call.parameters["id"])
        return json_answer({"removed": True})

    async def test(self, call: Call) -> GatewayResponse:
        return json_answer(await self._control.test(call.parameters["id"]))

    async def try_out(self, call: Call) -> GatewayResponse:
        wanted = validated(TriedEndpoint, call.json)
        return json_answer(
            await self._control.try_out(
                base_url=wanted.base_url, api_key=wanted.api_key or None, wanted=wanted.type
            )
        )

    async def sync(self, call: Call) -> GatewayResponse:
        return json_answer(await self._control.sync(call.parameters["id"]))

    async def models(self, call: Call) -> GatewayResponse:
        models = self._control.models(call.parameters["id"])
        return json_answer({"models": models, "total": len(models)})

    def routes(self) -> Sequence[Route]:
        one = f"{_PATH}/<id>"
        return [
            _route(
                "GET", _PATH, self.list, "List the endpoints", answers.Endpoints, READ_ENDPOINTS, errors=()
            ),
            Route(
                method="POST",
                path=_PATH,
                handler=self.create,
                summary="Add an endpoint",
                access=WRITE_ENDPOINTS,
                body=NewEndpoint,
                answer=answers.Endpoint,
                answer_statuses=(201,),
                errors=(409,),
            ),
            _route(
                "POST",
                f"{_PATH}/test",
                self.try_out,
                "Test a server that is no endpoint yet",
                answers.EndpointTest,
                WRITE_ENDPOINTS,
                body=TriedEndpoint,
                errors=(),
            ),
            _route("GET", one, self.show, "Show an endpoint", answers.Endpoint, READ_ENDPOINTS),
            _route(
                "PUT",
                one,
                self.update,
                "Change an endpoint",
                answers.Endpoint,
                WRITE_ENDPOINTS,
                body=ChangedEndpoint,
                errors=(404, 409),
            ),
            _route("DELETE", one, self.remove, "Remove an endpoint", answers.Removed, WRITE_ENDPOINTS),
            _route(
                "POST", f"{one}/test", self.test, "Test an endpoint", answers.EndpointTest, WRITE_ENDPOINTS
            ),
            _route(
                "POST",
                f"{one}/sync",
                self.sync,
                "Take over an endpoint's list of models",
                answers.EndpointSync,
                WRITE_ENDPOINTS,
                errors=(404, 502, 503),
            ),
            _route(
                "GET",
                f"{one}/models",
                self.models,
                "List the models of an endpoint",
                answers.EndpointModels,
                WRITE_ENDPOINTS,
            ),
        ]


def _route(
    method: str,
    path: str,
    handler: Handler,
    summary: str,
    answer: type[BaseModel],
    access: Access,
    *,
    body: type[BaseModel] | None = None,
    errors: tuple[int, ...] = (404,),
) -> Route:
    return Route(
        method=method,
        path=path,
        handler=handler,
        summary=summary,
        access=access,
        body=body,
        answer=answer,
        errors=errors,
    )


def _values(wanted: NewEndpoint | ChangedEndpoint, fields: set[str]) -> dict[str, object]:
    """Columns with their values."""
    return {column: getattr(wanted, field) for field, column in _COLUMNS.items() if field in fields}
