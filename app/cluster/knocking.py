"""Talking to the front door of another cluster, over plain HTTP: nothing that is said there is secret."""

import asyncio
import ssl
from collections.abc import Callable
from types import TracebackType
from typing import Self

import httpx
import msgspec

from corral.app.cluster.errors import CantJoin
from corral.app.cluster.front_doors import Door
from corral.peers.cluster.rank import Standing
from corral.peers.ids import ClusterId
from corral.peers.pairing.messages import MOST_BYTES
from corral.peers.pairing.newcomer import Newcomer

INFO_PATH = "/pair/info"
_ANSWER_S = 15.0  # also while the cluster looks for a router
_TRIES = 3
_AGAIN_S = 1.0


class ClusterInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a cluster tells everybody of itself."""

    cluster: ClusterId
    name: str
    members: int
    used: bool
    founded_at: float

    @property
    def standing(self) -> Standing:
        return Standing(id=self.cluster, members=self.members, used=self.used, founded_at=self.founded_at)


class Knocking:
    """An HTTP client for doors; a context manager. Everything raises CantJoin if a door doesn't answer as one."""

    def __init__(self) -> None:
        # It never speaks TLS; httpx would read all of the system's certificates otherwise, each time.
        nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._http = httpx.AsyncClient(
            timeout=_ANSWER_S, trust_env=False, follow_redirects=False, verify=nobody
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def info(self, door: Door) -> ClusterInfo:
        """Who is there."""
        body = await self._ask("GET", door, INFO_PATH)
        try:
            return msgspec.json.decode(body, type=ClusterInfo)
        except msgspec.DecodeError as error:
            raise CantJoin(f"{door.address} is no machine that runs Corral") from error

    async def converse(self, door: Door, newcomer: Newcomer, *, on_step: Callable[[], None]) -> None:
        """Send its letters until it is over; `newcomer.joined` then says with whom. Raises PairingError too."""
        while (letter := newcomer.next()) is not None:
            on_step()
            await asyncio.sleep(letter.after_s)
            answer = await self._ask("POST", door, letter.path, letter.body)
            await asyncio.to_thread(newcomer.take, answer)

    async def _ask(self, method: str, door: Door, path: str, body: bytes | None = None) -> bytes:
        headers = {"content-type": "application/json"}
        for left in reversed(range(_TRIES)):
            try:
                answer = await self._http.request(method, f"{door.url}{path}", content=body, headers=headers)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if not left:
                    raise CantJoin(f"{door.address} can't be reached ({type(error).__name__})") from error
            else:
                if answer.status_code < 500 or not left:
                    return self._checked(door, answer)
            await asyncio.sleep(_AGAIN_S)
        raise CantJoin(f"{door.address} can't be reached")

    def _checked(self, door: Door, answer: httpx.Response) -> bytes:
        if len(answer.content) > MOST_BYTES or answer.status_code not in (200, 409):
            raise CantJoin(f"{door.address} answered {answer.status_code}; is it a machine that runs Corral?")
        return answer.content
