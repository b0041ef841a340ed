"""What clients go on sending after they were refused is read and thrown away, so that they get to see why; but not for ever."""

from collections import OrderedDict

MOST_BYTES = 128 * 1024 * 1024  # more than any body may have
AGAIN_S = 10.0
_MOST_ADDRESSES = 1024


class Patience:
    """With each address: so many bytes, and again after so many seconds. `now` is of a clock that doesn't jump."""

    def __init__(self) -> None:
        self._thrown: OrderedDict[str, tuple[float, int]] = (
            OrderedDict()
        )  # since when and how much; oldest first

    def bears(self, address: str, size_bytes: int, *, now: float) -> bool:
        """Whether so much more may be thrown away, which counts as done."""
        since, thrown = self._thrown.get(address, (now, 0))
        if now - since >= AGAIN_S:
            since, thrown = now, 0
            self._thrown.pop(address, None)
        self._thrown[address] = since, thrown + size_bytes
        if len(self._thrown) > _MOST_ADDRESSES:
            self._thrown.popitem(last=False)
        return thrown + size_bytes <= MOST_BYTES
