"""Pydantic's findings as errors that name the field the way a client knows it: `messages.0.content`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ValidationError
from pydantic_core import ErrorDetails

from corral.engines.errors import InvalidRequest

M = TypeVar("M", bound=BaseModel)

_MAX_SHOWN = 200
_SECRETS = frozenset({"api_key", "code", "current_password", "new_password", "password"})


def _whole(value: Any) -> Any:
    """JSON has one kind of number: 5.0 is the integer 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]


class MissingField(InvalidRequest):
    """A field that must be there is not."""

    code = "missing_field"


def validated(model: type[M], json: Any) -> M:
    """Raises InvalidRequest or MissingField for the first thing that is wrong."""
    try:
        return model.model_validate(json)
    except ValidationError as error:
        raise invalid_request(error, json) from error


def invalid_request(error: ValidationError, json: Any = None) -> InvalidRequest:
    """The deepest of the findings: of a union's alternatives that is the one the client meant."""
    found = max(error.errors(include_url=False, include_context=True), key=lambda each: len(each["loc"]))
    param = field_path(found["loc"], json, missing=found["type"] == "missing") or None
    if found["type"] == "missing":
        return MissingField(f"`{param}` is missing", param=param)
    return InvalidRequest(f"`{param}`: {_reason(found)}" if param else _reason(found), param=param)


def field_path(loc: Sequence[int | str], json: Any, *, missing: bool = False) -> str:
    """`loc` without pydantic's names for union members, which are no fields of `json`."""
    path: list[str] = []
    here = json
    for step in loc:
        inside = _step(here, step)
        if inside is not _NOWHERE:
            path.append(str(step))
            here = inside
    if missing or (json is None and loc):
        last = str(loc[-1])
        if not path or path[-1] != last or here is not None:
            path.append(last)
    return ".".join(path)


_NOWHERE = object()


def _step(here: Any, step: int | str) -> Any:
    if isinstance(here, Mapping):
        return here.get(step, _NOWHERE)
    if isinstance(here, list) and isinstance(step, int) and 0 <= step < len(here):
        return here[step]
    return _NOWHERE


def _may_be_secret(found: ErrorDetails) -> bool:
    """Whether the value must not be shown again; a misspelt field may hold one too."""
    return found["type"] in ("value_error", "extra_forbidden") or bool(_SECRETS & {*map(str, found["loc"])})


def _reason(found: ErrorDetails) -> str:
    message = found["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    message = message[:1].lower() + message[1:]
    given = found.get("input")
    if isinstance(given, str | int | float) and not _may_be_secret(found):
        shown = repr(given)
        message += f" (it is {shown if len(shown) <= _MAX_SHOWN else shown[:_MAX_SHOWN] + '…'})"
    return message
