"""Unfinished exchanges: so many in all, so many for each address, for so long. Full of one address, it makes room for another.

Addresses are told apart as they come; IPv6 addresses also belong to their /64, as one machine can have as many of those as it
likes. Whoever can use many IPv4 addresses of a LAN at once can still fill the room; codes and tokens don't need it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Generic, TypeVar

from corral.peers.pairing.errors import TooManyPending

_T = TypeVar("_T")
_MOST_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class Source:
    """Where a message came from."""

    address: str
    network: str


def source_of(client: str) -> Source:
    """The source of a client's address; a text that is no address stands for itself."""
    try:
        parsed = ip_address(client.partition("%")[0])
    except ValueError:
        return Source(client[:_MOST_CHARACTERS], client[:_MOST_CHARACTERS])
    if not isinstance(parsed, IPv6Address):
        return Source(str(parsed), str(parsed))
    if parsed.ipv4_mapped is not None:
        return Source(str(parsed.ipv4_mapped), str(parsed.ipv4_mapped))
    return Source(str(parsed), str(IPv6Network((parsed, 64), strict=False)))


@dataclass(slots=True)
class _Place(Generic[_T]):
    source: Source
    value: _T
    until: float


class WaitingRoom(Generic[_T]):
    """Values by id, in the order of their arrival. Times are Unix time in seconds."""

    def __init__(self, *, most: int, most_of_address: int, lifetime_s: float) -> None:
        self._most = most
        self._most_of_address = most_of_address
        self._lifetime_s = lifetime_s
        self._places: dict[str, _Place[_T]] = {}

    def enter(self, id: str, value: _T, source: Source, *, now: float) -> None:
        """Let one in. Raises TooManyPending when its address has its share, or no address has more than that."""
        self._expire(now)
        of_address = [place for place in self._places.values() if place.source.address == source.address]
        if len(of_address) >= self._most_of_address:
            raise TooManyPending(retry_after_s=min(place.until for place in of_address) - now)
        if len(self._places) >= self._most:
            loser = loser_of([(key, place.source) for key, place in self._places.items()], source)
            if loser is None:
                first = min(place.until for place in self._places.values())
                raise TooManyPending(retry_after_s=first - now)
            del self._places[loser]
        self._places[id] = _Place(source, value, now + self._lifetime_s)

    def get(self, id: str, *, now: float) -> _T | None:
        """The value of that id, unless its time is over."""
        self._expire(now)
        place = self._places.get(id)
        return None if place is None else place.value

    def leave(self, id: str) -> Source | None:
        """Let one out; where it came from, if it was there."""
        place = self._places.pop(id, None)
        return None if place is None else place.source

    def values(self, *, now: float) -> Iterator[_T]:
        """All that wait, first come first."""
        self._expire(now)
        return iter([place.value for place in self._places.values()])

    def _expire(self, now: float) -> None:
        # A clock that was set back must not keep anybody for longer than a lifetime.
        for id, place in list(self._places.items()):
            place.until = min(place.until, now + self._lifetime_s)
            if place.until <= now:
                del self._places[id]


def loser_of(waiting: list[tuple[str, Source]], newcomer: Source) -> str | None:
    """Who makes room for a newcomer: the oldest of the greediest address of the greediest network, or nobody.

    Only who has at least two places more than the newcomer loses one: it can't be a swap of equals.
    """
    networks = Counter(source.network for _, source in waiting)
    greediest, places = max(networks.items(), key=lambda item: item[1])
    if places <= networks[newcomer.network] + 1:
        greediest = newcomer.network
    within = [(id, source) for id, source in waiting if source.network == greediest]
    addresses = Counter(source.address for _, source in within)
    if not addresses:
        return None
    address, places = max(addresses.items(), key=lambda item: item[1])
    if greediest == newcomer.network and places <= addresses[newcomer.address] + 1:
        return None
    return next(id for id, source in within if source.address == address)
