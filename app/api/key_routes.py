"""Managing API keys."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

import orjson
import structlog
from pydantic import AfterValidator, ConfigDict, Field

from corral.app.api import answers
from corral.app.api.call import JSON_HEADERS, Call, json_answer, once
from corral.app.api.request_errors import ApiKeyNotFound
from corral.app.api.route import Route
from corral.app.gateway.auth import ApiKeyId
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import MANAGEMENT, Quota
from corral.app.json_shape import JsonShape
from corral.app.openai.validation import validated
from corral.app.store.api_keys import ApiKeyRecord, ApiKeys, KeyChanges, new_secret
from corral.app.times import rfc3339, unix_time
from corral.engines.errors import InvalidRequest

_PATH = "/v0/api-keys"
_LOG = structlog.get_logger(__name__)


def _is_time(text: str) -> str:
    unix_time(text)
    return text


_Name = Annotated[str, Field(min_length=1, max_length=100)]
_Scopes = Annotated[list[Literal["api", "endpoints", "runtime", "admin"]], Field(min_length=1)]
_Time = Annotated[str, AfterValidator(_is_time), Field(json_schema_extra={"format": "date-time"})]
_Limit = Annotated[int, Field(ge=1, le=2**53 - 1)]


class _Limits(JsonShape):
    """Null: no limit. Minutes and days are those of UTC."""

    model_config = ConfigDict(extra="forbid", strict=True)

    expires_at: _Time | None = None
    requests_per_minute: _Limit | None = None
    requests_per_day: _Limit | None = None
    tokens_per_minute: _Limit | None = None
    tokens_per_day: _Limit | None = None

    def quota(self) -> Quota:
        return Quota(
            requests_per_minute=self.requests_per_minute,
            requests_per_day=self.requests_per_day,
            tokens_per_minute=self.tokens_per_minute,
            tokens_per_day=self.tokens_per_day,
        )


class NewApiKey(_Limits):
    """A key to make. Without `expires_at` it is valid until it is revoked."""

    name: _Name
    scopes: _Scopes


class ChangedApiKey(_Limits):
    """What to change of a key. What is missing stays as it is; null takes a limit or an expiry away."""

    name: _Name = ""
    scopes: _Scopes = Field(default_factory=list)


class KeyRoutes:
    """Handlers of /v0/api-keys."""

    def __init__(self, *, keys: ApiKeys, now: Callable[[], float]) -> None:
        self._keys = keys
        self._now = now

    async def list(self, call: Call) -> GatewayResponse:
        keys = [_document(record) for record in await self._keys.list()]
        return json_answer({"api_keys": keys, "total": len(keys)})

    async def create(self, call: Call) -> GatewayResponse:
        wanted = validated(NewApiKey, call.json)
        call.details["name"] = wanted.name
        now = self._now()
        expires_at = _future(wanted.expires_at, now=now)
        secret = new_secret()
        record = await self._keys.create(
            secret,
            name=wanted.name,
            now=now,
            scopes=set(wanted.scopes),
            expires_at=expires_at,
            quota=wanted.quota(),
        )
        _LOG.info("API key made", id=record.id, name=record.name, by=call.client.owner_id)
        return GatewayResponse(
            status=201,
            headers={**JSON_HEADERS, "cache-control": "no-store"},
            body=once(orjson.dumps({**_document(record), "key": secret})),
        )

    async def update(self, call: Call) -> GatewayResponse:
        wanted = validated(ChangedApiKey, call.json)
        changes = KeyChanges(
            fields=wanted.model_fields_set,
            name=wanted.name,
            scopes=frozenset(wanted.scopes),
            expires_at=_future(wanted.expires_at, now=self._now()),
            quota=wanted.quota(),
        )
        call.details["changed"] = ", ".join(sorted(changes.fields))
        record = await self._keys.update(ApiKeyId(call.parameters["id"]), changes)
        if record is None:
            raise ApiKeyNotFound
        _LOG.info("API key changed", id=record.id, name=record.name, by=call.client.owner_id)
        return json_answer(_document(record))

    async def revoke(self, call: Call) -> GatewayResponse:
        id = ApiKeyId(call.parameters["id"])
        if not await self._keys.revoke(id, now=self._now()):
            raise ApiKeyNotFound
        _LOG.info("API key revoked", id=id, by=call.client.owner_id)
        return json_answer({"revoked": True})

    def routes(self) -> Sequence[Route]:
        return [
            Route(
                method="GET",
                path=_PATH,
                handler=self.list,
                summary="List the API keys, revoked ones too",
                access=MANAGEMENT,
                answer=answers.ApiKeys,
            ),
            Route(
                method="POST",
                path=_PATH,
                handler=self.create,
                summary="Make an API key",
                access=MANAGEMENT,
                body=NewApiKey,
                answer=answers.NewApiKey,
                answer_statuses=(201,),
            ),
            Route(
                method="PUT",
                path=f"{_PATH}/<id>",
                handler=self.update,
                summary="Change an API key",
                access=MANAGEMENT,
                body=ChangedApiKey,
                answer=answers.ApiKey,
                errors=(404,),
            ),
            Route(
                method="DELETE",
                path=f"{_PATH}/<id>",
                handler=self.revoke,
                summary="Revoke an API key",
                access=MANAGEMENT,
                answer=answers.Revoked,
                errors=(404,),
            ),
        ]


def _future(text: str | None, *, now: float) -> float | None:
    expires_at = None if text is None else unix_time(text)
    if expires_at is not None and expires_at <= now:
        raise InvalidRequest("`expires_at` lies in the past", param="expires_at")
    return expires_at


def _document(record: ApiKeyRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "key_prefix": record.key_prefix,
        "scopes": sorted(record.scopes),
        "created_at": rfc3339(record.created_at),
        "expires_at": _time(record.expires_at),
        "revoked_at": _time(record.revoked_at),
        "last_used_at": _time(record.last_used_at),
        **asdict(record.quota),
    }


def _time(unix_s: float | None) -> str | None:
    return None if unix_s is None else rfc3339(unix_s)
