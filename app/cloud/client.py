"""Asking one provider over HTTP: again after passing failures, never showing its key, counted."""

import asyncio
import random
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

import structlog

from corral.app.cloud.credentials import Credentials
from corral.app.cloud.errors import CloudFailed, CloudTimeout
from corral.app.cloud.refusal import refusal
from corral.app.cloud.retry import pause_s, retry_after_s
from corral.app.upstream.client import Asking
from corral.app.upstream.errors import UpstreamError, UpstreamTimeout
from corral.app.upstream.response import UpstreamResponse
from corral.app.upstream.server import Server

_MOST_ERROR_BYTES: Final = 256 * 1024
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
_LOG = structlog.get_logger(__name__)


class CloudObserver(Protocol):
    """Hears of every request to a provider, once, however often it had to be sent."""

    def cloud_request(self, provider: str, status: str, seconds: float) -> None:
        """`status`: HTTP's, or `timeout`, or `unreachable`. `seconds` until it was known."""


class CloudClient:
    """Asks with the credentials that count at the moment."""

    def __init__(
        self,
        *,
        client: Asking,
        credentials: Callable[[], Credentials],
        observer: CloudObserver | None = None,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`chance` gives numbers from 0 to 1."""
        self._client = client
        self._credentials = credentials
        self._observer = observer
        self._pause = pause
        self._chance = chance
        self._now = now
        self._clock = clock

    async def open(
        self,
        server: Server | str,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] = _NO_HEADERS,
        body: bytes | AsyncIterable[bytes] = b"",
        timeout_s: float | None = None,
    ) -> UpstreamResponse:
        """The answer if its status is 200, as UpstreamClient.open gives it. Raises CloudFailed and CloudRefused."""
        provider = self._credentials().provider
        began, attempt = self._clock(), 0
        while True:
            attempt += 1
            try:
                answer = await self._client.open(
                    server, method, path, headers=headers, body=body, timeout_s=timeout_s
                )
            except UpstreamTimeout as error:
                self._count("timeout", began)
                raise CloudTimeout(f"{provider.title} gave no answer in time; try again later") from error
            except UpstreamError as error:
                pause = self._next(attempt, 0, _NO_HEADERS, body)
                if pause is None:
                    self._count("unreachable", began)
                    raise CloudFailed(f"{provider.title} can't be reached: {error.message}") from error
            else:
                pause = self._next(attempt, answer.status, answer.headers, body)
                if answer.status == 200 or pause is None:
                    self._count(str(answer.status), began)
                    return await self._checked(answer)
                await answer.aclose()
            _LOG.info("asking a cloud provider again", provider=provider.name, pause_s=pause)
            await self._pause(pause)

    def _next(
        self, attempt: int, status: int, headers: Mapping[str, str], body: bytes | AsyncIterable[bytes]
    ) -> float | None:
        if not isinstance(body, bytes):
            return None  # it has been read
        return pause_s(
            attempt=attempt, status=status, headers=headers, random=self._chance(), now=self._now()
        )

    async def _checked(self, answer: UpstreamResponse) -> UpstreamResponse:
        if answer.status == 200:
            return answer
        credentials = self._credentials()
        try:
            body = await answer.read(_MOST_ERROR_BYTES)
        except UpstreamError:
            body = b""
        raise refusal(
            credentials.provider,
            answer.status,
            body,
            api_key=credentials.api_key or "",
            retry_after_s=retry_after_s(answer.headers, now=self._now()),
        )

    def _count(self, status: str, began: float) -> None:
        if self._observer is not None:
            name = self._credentials().provider.name
            self._observer.cloud_request(name, status, self._clock() - began)
