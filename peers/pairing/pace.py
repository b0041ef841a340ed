"""How often an address may begin: a few at once, then one every so many seconds. Remembers a bounded number of addresses."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from corral.peers.pairing.errors import TooOften
from corral.peers.pairing.waiting_room import Source

_MOST_REMEMBERED: Final = 4096
_NETWORK_SHARES: Final = 8  # an IPv6 /64 may do as much as so many addresses


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Pace:
    """A token bucket for each address and each IPv6 network. Times are Unix time in seconds."""

    def __init__(self, *, burst: int, every_s: float) -> None:
        self._burst = burst
        self._every_s = every_s
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()

    def take(self, source: Source, *, now: float) -> None:
        """Count one. Raises TooOften, which costs nothing."""
        taken = [self._bucket("address", source.address, 1, now)]
        if source.network != source.address:
            taken.append(self._bucket("network", source.network, _NETWORK_SHARES, now))
        for bucket, every_s in taken:
            if bucket.left < 1:
                raise TooOften(retry_after_s=(1 - bucket.left) * every_s)
        for bucket, _ in taken:
            bucket.left -= 1

    def _bucket(self, kind: str, name: str, shares: int, now: float) -> tuple[_Bucket, float]:
        bucket = self._buckets.setdefault((kind, name), _Bucket(self._burst * shares, now))
        every_s = self._every_s / shares
        bucket.left = min(self._burst * shares, bucket.left + max(0.0, now - bucket.at) / every_s)
        bucket.at = now
        self._buckets.move_to_end((kind, name))
        if len(self._buckets) > _MOST_REMEMBERED:
            self._buckets.popitem(last=False)
        return bucket, every_s
