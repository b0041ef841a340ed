"""Reaching a peer that may be at several addresses: tried in parallel, and the first that proves who it is wins.

The address that worked last goes first; the others follow 50 ms apart, or at once when one fails (RFC 8305 in short).
"""

import asyncio
import enum
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Final, Generic, Protocol, TypeVar

from corral.peers.address import Address
from corral.peers.ids import NodeId
from corral.peers.transport.errors import PeerError, PeerNotTrusted, PeerNowhere, PeerRefused, PeerUnreachable

MOST_ADDRESSES: Final = 16
STAGGER_S: Final = 0.05
REFUSED_GRACE_S: Final = 0.3  # for the other addresses, when the one that worked last refuses
_SHOWN: Final = 4


class Obstacle(enum.Enum):
    """What kept a connection from being made."""

    REFUSED = enum.auto()
    UNREACHABLE = enum.auto()
    NOT_TRUSTED = enum.auto()


class Failed(Exception):
    """One address didn't work."""

    def __init__(self, obstacle: Obstacle, reason: str) -> None:
        super().__init__(reason)
        self.obstacle = obstacle
        self.reason = reason


class Connected(Protocol):
    """A connection that was made; a second one that isn't needed is cut."""

    def abort(self) -> None: ...


C = TypeVar("C", bound=Connected)


def in_order(addresses: Sequence[Address], worked_last: Address | None) -> list[Address]:
    """Each once, the one that worked last first, if it is still among them."""
    best = [worked_last] if worked_last is not None and worked_last in addresses else []
    return list(dict.fromkeys([*best, *addresses]))[:MOST_ADDRESSES]


def verdict(node: NodeId, failures: Mapping[Address, Failed], worked_last: Address | None) -> PeerError:
    """What all failures together say. Where the peer was last counts most: other addresses may be another machine's."""
    if not failures:
        return PeerNowhere(node)
    told = "; ".join(f"{address}: {failed.reason}" for address, failed in list(failures.items())[:_SHOWN])
    obstacles = {failed.obstacle for failed in failures.values()}
    last = None if worked_last is None else failures.get(worked_last)
    if last is not None and last.obstacle is Obstacle.REFUSED:
        return PeerRefused(node, told)
    if Obstacle.NOT_TRUSTED in obstacles:
        return PeerNotTrusted(node, told)
    return PeerRefused(node, told) if obstacles == {Obstacle.REFUSED} else PeerUnreachable(node, told)


async def dial(
    node: NodeId,
    addresses: Sequence[Address],
    connect: Callable[[Address], Coroutine[None, None, C]],
    *,
    worked_last: Address | None,
    timeout_s: float | None,
) -> tuple[Address, C]:
    """The first connection, and where; `connect` raises Failed. Raises PeerNowhere, PeerUnreachable, PeerRefused or PeerNotTrusted."""
    race = _Race(in_order(addresses, worked_last), connect, worked_last)
    try:
        async with asyncio.timeout(timeout_s):
            won = await race.run()
    except TimeoutError:
        won = None
    finally:
        await race.cut_the_rest()
    if won is None:
        raise verdict(node, race.failures, worked_last)
    return won


class _Race(Generic[C]):
    def __init__(
        self,
        addresses: Sequence[Address],
        connect: Callable[[Address], Coroutine[None, None, C]],
        worked_last: Address | None,
    ) -> None:
        self._waiting = deque(addresses)
        self._connect = connect
        self._worked_last = worked_last
        self._running: dict[asyncio.Task[C], Address] = {}
        self._over_at: float | None = None
        self._outcomes: dict[Address, Failed | None] = dict.fromkeys(addresses)

    @property
    def failures(self) -> dict[Address, Failed]:
        """By address; one that hasn't ended hasn't answered."""
        silent = Failed(Obstacle.UNREACHABLE, "doesn't answer")
        return {address: failed or silent for address, failed in self._outcomes.items()}

    async def run(self) -> tuple[Address, C] | None:
        while self._waiting or self._running:
            if self._waiting:
                self._start(self._waiting.popleft())
            if (pause_s := self._pause_s()) is not None and pause_s <= 0:
                return None
            done, _ = await asyncio.wait(self._running, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if won := self._ended(task):
                    return won
        return None

    def _start(self, address: Address) -> None:
        self._running[asyncio.create_task(self._connect(address))] = address

    def _pause_s(self) -> float | None:
        """How long to wait for those that run."""
        if self._waiting:
            return STAGGER_S
        return None if self._over_at is None else self._over_at - asyncio.get_running_loop().time()

    def _ended(self, task: asyncio.Task[C]) -> tuple[Address, C] | None:
        address = self._running.pop(task)
        try:
            return address, task.result()
        except Failed as failed:
            self._outcomes[address] = failed
            if address == self._worked_last and failed.obstacle is Obstacle.REFUSED:
                self._over_at = asyncio.get_running_loop().time() + REFUSED_GRACE_S
            return None

    async def cut_the_rest(self) -> None:
        """End what still runs; a connection that was made in vain is cut."""
        for task in self._running:
            task.cancel()
        for late in await asyncio.gather(*self._running, return_exceptions=True):
            if not isinstance(late, BaseException):
                late.abort()
