"""Reading from where models come from: redirects followed only to where they may lead, the token sent only to the hub.

The hub answers a request for a large file with a redirect to a signed address that is good for some time; it is used again
until it is refused.
"""

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import MappingProxyType
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from corral.app.registry.allowlist import Allowlist
from corral.app.registry.errors import OriginBusy, OriginFailed, OriginRefused

IDLE_TIMEOUT_S = 30.0
_CONNECT_S = 10.0
_MOST_REDIRECTS = 5
_TARGET_S = 900.0  # a signed address is not used for longer
_READ_BYTES = 256 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NONE: Mapping[str, str] = MappingProxyType({})
_LONGEST_RETRY_AFTER_S = 3600
_PAUSE_S = 60  # after 429 without a word on how long


class OriginAnswer:
    """An answer whose headers are there. Read it to its end, or close it."""

    def __init__(
        self, response: aiohttp.ClientResponse, *, linked_etag: str | None, redirected: bool
    ) -> None:
        self._response = response
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): text for name, text in response.headers.items()}
        own_etag = "" if redirected else self.headers.get("etag", "")  # a store's own says nothing
        self.etag = (linked_etag or own_etag).removeprefix("W/").strip('"')

    @property
    def host(self) -> str:
        """Who answered."""
        return self._response.url.host or ""

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes. Raises OriginFailed."""
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise OriginFailed(f"{self.host} broke off") from error

    async def read(self, most_bytes: int) -> bytes:
        """All of it. Raises OriginFailed."""
        data = bytearray()
        async for chunk in self.chunks():
            data += chunk
            if len(data) > most_bytes:
                self.close()
                raise OriginFailed(f"{self.host} sent more than {most_bytes} bytes", passing=False)
        return bytes(data)

    def close(self) -> None:
        """Drop what has not been read."""
        self._response.close()

    async def aclose(self) -> None:
        """The same, for those who wait for it."""
        self.close()


class Origin:
    """Made anywhere, used in one running loop; close it there."""

    def __init__(
        self,
        *,
        hub: str,
        token: str | None,
        allowlist: Allowlist,
        idle_timeout_s: float = IDLE_TIMEOUT_S,
        user_agent: str = "corral",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`hub` is its base URL, without a slash at the end. A silence longer than `idle_timeout_s` ends a request."""
        self.hub = hub
        self._token = token
        self._allowlist = allowlist
        self._idle_timeout_s = idle_timeout_s
        self._user_agent = user_agent
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self._targets: dict[str, tuple[str, str | None, float]] = {}

    @property
    def has_token(self) -> bool:
        """Whether the hub knows who asks."""
        return self._token is not None

    async def get(self, url: str, headers: Mapping[str, str] = _NONE) -> OriginAnswer:
        """An answer of whatever status, redirects followed. Raises OriginRefused, OriginFailed."""
        known = self._targets.get(url)
        if known is not None and self._clock() < known[2]:
            target, linked_etag, _ = known
            answer = OriginAnswer(await self._send(target, headers), linked_etag=linked_etag, redirected=True)
            if answer.status not in (401, 403, 404, 410):
                return answer
            answer.close()
        self._targets.pop(url, None)
        return await self._followed(url, headers)

    async def close(self) -> None:
        """Cut everything; from then on there is nothing to get."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _followed(self, url: str, headers: Mapping[str, str]) -> OriginAnswer:
        if not self._allowlist.allows(url):
            raise OriginRefused(urlsplit(url).netloc)
        place, linked_etag = url, None
        for _ in range(_MOST_REDIRECTS):
            response = await self._send(place, headers)
            linked_etag = response.headers.get("x-linked-etag", linked_etag)
            if response.status not in _REDIRECTS:
                if place != url:
                    self._targets[url] = place, linked_etag, self._clock() + _TARGET_S
                return OriginAnswer(response, linked_etag=linked_etag, redirected=place != url)
            response.close()
            place = urljoin(place, response.headers.get("location", ""))
            if not self._allowlist.allows(place, redirected=True):
                raise OriginRefused(urlsplit(place).netloc)
        raise OriginFailed(f"{urlsplit(url).netloc} redirects in a circle", passing=False)

    async def _send(self, url: str, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        if self._closed:
            raise OriginFailed("this machine is shutting down")
        session = self._session or self._begun()
        own = {"user-agent": self._user_agent, "accept-encoding": "identity"}
        if self._token is not None and urlsplit(url)[:2] == urlsplit(self.hub)[:2]:
            own["authorization"] = f"Bearer {self._token}"
        try:
            return await session.get(
                url, headers={**own, **headers}, allow_redirects=False, proxy=_proxy_for(url)
            )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise OriginFailed(
                f"{urlsplit(url).netloc} can't be reached; is this machine connected to the internet?"
            ) from error

    def _begun(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            read_bufsize=_READ_BYTES,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=_CONNECT_S, sock_read=self._idle_timeout_s
            ),
        )
        return self._session


def failure_of(answer: OriginAnswer, what: str, *, has_token: bool) -> OriginFailed:
    """Why an answer is not what was asked for, in words. `what`: of which model or file."""
    status, host, wait_s = answer.status, answer.host, retry_after_s(answer.headers)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return OriginBusy(
            f"{host} wants fewer requests from here; try again later"
            + ("" if has_token else ", or set HF_TOKEN, which raises the limit"),
            retry_after_s=_PAUSE_S if wait_s is None else wait_s,
        )
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        hint = (
            "the owner of HF_TOKEN has no access: accept the model's terms at the hub"
            if has_token
            else "set HF_TOKEN to a token of somebody who has accepted the model's terms at the hub"
        )
        return OriginFailed(f"{host} gives {what} only to those it knows; {hint}", passing=False)
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return OriginFailed(f"{host} has no {what} any more", passing=False)
    passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT
    if passing and wait_s:
        return OriginBusy(f"{host} answered with status {status}", retry_after_s=wait_s)
    return OriginFailed(f"{host} answered with status {status} for {what}", passing=passing)


def retry_after_s(headers: Mapping[str, str]) -> int | None:
    """What `Retry-After` says (RFC 9110 §10.2.3), at most an hour; None if it says nothing."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:6]), _LONGEST_RETRY_AFTER_S)
    try:
        seconds = parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0, int(seconds)), _LONGEST_RETRY_AFTER_S)


def _proxy_for(url: str) -> str | None:
    """What the system says, as for most programs; never a password file."""
    proxies, parts = getproxies(), urlsplit(url)
    if not proxies or proxy_bypass(parts.netloc):
        return None
    return proxies.get(parts.scheme)
