"""Managing API keys."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import orjson
import structlog
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from corral.app.api import answers
from corral.app.api.call import JSON_HEADERS, Call, json_answer, once
from corral.app.api.request_errors import ApiKeyNotFound
from corral.app.api.route import Route
from corral.app.gateway.auth import ApiKeyId
from corral.app.gateway.endpoint import GatewayResponse
from corral.app.gateway.principal import MANAGEMENT
from corral.app.openai.validation import validated
from corral.app.store.api_keys import ApiKeyRecord, ApiKeys, new_secret
from corral.app.times import rfc3339, unix_time
from corral.engines.errors import InvalidRequest

_PATH = "/v0/api-keys"
_LOG = structlog.get_logger(__name__)


def _is_time(text: str) -> str:
    unix_time(text)
    return text


class NewApiKey(BaseModel):
    """A key to make. Without `expires_at` it is valid until it is revoked."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1, max_length=100)]
    scopes: Annotated[list[Literal["api", "endpoints", "runtime", "admin"]], Field(min_length=1)]
    expires_at: (
        Annotated[str, AfterValidator(_is_time), Field(json_schema_extra={"format": "date-time"})] | None
    ) = None


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
        now = self._now()
        expires_at = None if wanted.expires_at is None else unix_time(wanted.expires_at)
        if expires_at is not None and expires_at <= now:
            raise InvalidRequest("`expires_at` lies in the past", param="expires_at")
        secret = new_secret()
        record = await self._keys.create(
            secret, name=wanted.name, now=now, scopes=set(wanted.scopes), expires_at=expires_at
        )
        _LOG.info("API key made", id=record.id, name=record.name, by=call.client.owner_id)
        return GatewayResponse(
            status=201,
            headers={**JSON_HEADERS, "cache-control": "no-store"},
            body=once(orjson.dumps({**_document(record), "key": secret})),
        )

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
                method="DELETE",
                path=f"{_PATH}/<id>",
                handler=self.revoke,
                summary="Revoke an API key",
                access=MANAGEMENT,
                answer=answers.Revoked,
                errors=(404,),
            ),
        ]


def _document(record: ApiKeyRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "key_prefix": record.key_prefix,
        "scopes": sorted(record.scopes),
        "created_at": rfc3339(record.created_at),
        "expires_at": None if record.expires_at is None else rfc3339(record.expires_at),
        "revoked_at": None if record.revoked_at is None else rfc3339(record.revoked_at),
    }
