"""How often somebody may fail to sign in: so many times a minute for an address, and for a username. Pure."""

from collections import OrderedDict, deque

WINDOW_S = 60.0
FAILURES = 10  # of an address
FAILURES_OF_A_NAME = 30  # from wherever
_MOST_REMEMBERED = 10_000  # addresses and names; beyond it the longest quiet ones are forgotten


class LoginLimit:
    """Remembers the failures of the last minute. Times are of any clock that only goes forward, in seconds."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def wait_s(self, address: str, username: str, *, now: float) -> float:
        """How long to wait before the next try; 0: it may be made now."""
        waits = (self._wait_s(key, limit, now) for key, limit in _keys(address, username))
        return max(waits)

    def failed(self, address: str, username: str, *, now: float) -> None:
        """Count a failure."""
        for key, limit in _keys(address, username):
            times = self._failures.setdefault(key, deque(maxlen=limit))
            times.append(now)
            self._failures.move_to_end(key)
        while len(self._failures) > _MOST_REMEMBERED:
            self._failures.popitem(last=False)

    def succeeded(self, address: str, username: str) -> None:
        """Forget what an address did wrong; a username stays under watch, others may be guessing it."""
        self._failures.pop(("address", address), None)

    def _wait_s(self, key: tuple[str, str], limit: int, now: float) -> float:
        times = self._failures.get(key, ())
        recent = [at for at in times if at > now - WINDOW_S]
        return 0.0 if len(recent) < limit else recent[-limit] + WINDOW_S - now


def _keys(address: str, username: str) -> tuple[tuple[tuple[str, str], int], ...]:
    return (
        (("address", address), FAILURES),
        (("name", username.casefold()[:64]), FAILURES_OF_A_NAME),
    )
