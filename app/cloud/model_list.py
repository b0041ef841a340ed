"""The models of one provider, as it listed them: asked for once a day, kept when that fails."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import structlog

from corral.app.cloud.client import CloudClient
from corral.app.cloud.credentials import Credentials
from corral.app.cloud.dialect import Lister
from corral.app.cloud.errors import CloudRefused
from corral.app.gateway.endpoint import ServedModel
from corral.app.upstream.errors import UpstreamError

LASTS_S = 24 * 3600.0
AGAIN_S = 300.0  # after a failure
TIMEOUT_S = 15.0
_MOST_PAGES = 20
_MOST_BYTES = 16 * 1024 * 1024
_UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)
_LOG = structlog.get_logger(__name__)


class ModelList:
    """In memory. Nothing is asked as long as there is no key."""

    def __init__(
        self,
        *,
        lister: Lister,
        client: CloudClient,
        credentials: Callable[[], Credentials],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._lister = lister
        self._client = client
        self._credentials = credentials
        self._now = now
        self._models: tuple[ServedModel, ...] = ()
        self._asked_with: Credentials | None = None
        self._asked_at = 0.0
        self.last_error: str | None = None

    def models(self) -> Sequence[ServedModel]:
        """The same object as long as nothing changed."""
        return self._models if self._credentials().api_key is not None else ()

    async def refresh_if_due(self) -> None:
        """Ask the provider if the list is old, or was asked for with other credentials, or failed a while ago."""
        credentials = self._credentials()
        lasts_s = LASTS_S if self.last_error is None else AGAIN_S
        if credentials.api_key is None:
            self.last_error = None
        elif credentials != self._asked_with or self._now() >= self._asked_at + lasts_s:
            await self.refresh()

    async def refresh(self) -> None:
        """Ask the provider. A failure is kept for people to see, and so is the list from before."""
        credentials = self._credentials()
        self._asked_with, self._asked_at = credentials, self._now()
        try:
            found = await self._listed(credentials)
        except UpstreamError as error:
            self._failed(error.message)
        except CloudRefused as refused:
            self._failed(str(refused.told["message"]))
        except _UNREADABLE:
            self._failed(f"{credentials.provider.title} answered with a list of models that can't be read")
        else:
            self.last_error = None
            self._models = tuple(sorted(found, key=lambda each: each.id))

    async def _listed(self, credentials: Credentials) -> list[ServedModel]:
        found: list[ServedModel] = []
        path: str | None = self._lister.models_path
        headers = {**self._lister.headers(credentials.api_key or ""), "accept-encoding": "identity"}
        for _ in range(_MOST_PAGES):
            answer = await self._client.open(
                credentials.base_url, "GET", path or "", headers=headers, timeout_s=TIMEOUT_S
            )
            page = self._lister.page(_object(await answer.read(_MOST_BYTES)))
            found += page.models
            path = page.next_path
            if path is None:
                break
        return found

    def _failed(self, message: str) -> None:
        self.last_error = message
        _LOG.warning(
            "a cloud provider's models can't be listed", provider=self._lister.provider.name, error=message
        )


def _object(data: bytes) -> dict[str, Any]:
    value = orjson.loads(data)
    if not isinstance(value, dict):
        raise TypeError("not a JSON object")
    return value
