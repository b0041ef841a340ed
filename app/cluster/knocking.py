"""Talking to the front door of another cluster, over plain HTTP: nothing that is said there is secret."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

import msgspec

from corral.app.cluster.errors import CantJoin
from corral.app.cluster.front_doors import Door
from corral.app.upstream.client import UpstreamClient
from corral.app.upstream.errors import UpstreamError
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
        self._http = UpstreamClient()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

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
        for left in reversed(range(_TRIES)):
            try:
                status, answer = await self._answer(method, door, path, body)
            except (UpstreamError, ValueError) as error:  # ValueError: the name of no machine
                if not left:
                    raise CantJoin(f"{door.address} can't be reached ({error})") from error
            else:
                if status < 500 or not left:
                    return _checked(door, status, answer)
            await asyncio.sleep(_AGAIN_S)
        raise CantJoin(f"{door.address} can't be reached")

    async def _answer(self, method: str, door: Door, path: str, body: bytes | None) -> tuple[int, bytes]:
        response = await self._http.open(
            door.url,
            method,
            path,
            headers={"content-type": "application/json"},
            body=body or b"",
            timeout_s=_ANSWER_S,
        )
        return response.status, await response.read(MOST_BYTES)


def _checked(door: Door, status: int, answer: bytes) -> bytes:
    if status not in (200, 409):
        raise CantJoin(f"{door.address} answered {status}; is it a machine that runs Corral?")
    return answer
