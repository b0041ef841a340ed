"""Who was turned away at the peer port: told once a minute for each address, in bounded memory."""

from collections import OrderedDict
from typing import Final

QUIET_S: Final = 60.0
MOST_ADDRESSES: Final = 256


class Strangers:
    """Remembers when an address was last told of."""

    def __init__(self) -> None:
        self._told: OrderedDict[str, float] = OrderedDict()  # oldest first

    def worth_telling(self, host: str, now: float) -> bool:
        """Whether nothing was told about this address in the last minute; it counts as told then."""
        last = self._told.get(host)
        if last is not None and now - last < QUIET_S:
            return False
        self._told[host] = now
        self._told.move_to_end(host)
        if len(self._told) > MOST_ADDRESSES:
            self._told.popitem(last=False)
        return True
