"""When discovery looks at its interfaces, asks who is there, and tries again. Pure: `now` is in seconds of any one clock."""

from collections.abc import Callable
from dataclasses import dataclass, field

from corral.peers.discovery.interfaces import NetworkInterface

Interfaces = tuple[NetworkInterface, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long things take, in seconds."""

    look_s: float = 4.0  # between looks at the network interfaces
    settle_s: float = 2.0  # a change must last so long; a network after none counts at once
    ask_router_s: tuple[float, float] = (10.0, 15.0)
    ask_other_s: tuple[float, float] = (27.0, 33.0)  # in a small network
    asking_others: int = 4  # of a larger one ask so often, all others together: everybody hears every answer
    burst_s: tuple[float, ...] = (0.0, 1.0, 3.0)  # queries after a start, a wake or a change
    asleep_s: float = 10.0  # a look that comes so much too late: the machine slept
    retry_s: tuple[float, float] = (1.0, 60.0)  # first and longest pause after a failure
    test_s: float = 30.0  # between tests whether the system lets multicast pass


@dataclass(slots=True)
class Settling:
    """Which interfaces count: a change only once it has lasted."""

    wait_s: float
    current: Interfaces | None = None
    _coming: Interfaces | None = None
    _since: float = 0.0

    def see(self, seen: Interfaces, now: float, *, at_once: bool) -> bool:
        """Take a look; true if the current state became another one."""
        if seen == self.current:
            self._coming = None
            return False
        if self._coming != seen:
            self._coming, self._since = seen, now
        if not at_once and now - self._since < self.wait_s:
            return False
        self.current, self._coming = seen, None
        return True

    @property
    def unsettled(self) -> bool:
        """Whether a new state is waiting to count."""
        return self._coming is not None


@dataclass(slots=True)
class Asking:
    """When to ask who is there."""

    timing: Timing
    between: Callable[[float, float], float]  # a random number between the two
    router: bool = False
    machines: int = 0  # that are known
    _due: list[float] = field(default_factory=list)

    def soon(self, now: float) -> None:
        """Something happened: ask a few times from now on."""
        self._due = [now + after for after in self.timing.burst_s]

    def due(self, now: float) -> bool:
        """Whether to ask now, which counts as done."""
        left = [at for at in self._due if at > now]
        asked, self._due = len(left) < len(self._due), left
        if not self._due:
            self._due = [now + self._pause_s()]
        return asked

    def set_router(self, router: bool, now: float) -> None:
        """A new router asks at once: it is for it to find the others."""
        if router and not self.router:
            self._due = [now, *self._due]
        self.router = router

    def next_at(self) -> float:
        """When to call `due` again."""
        return min(self._due, default=0.0)

    def _pause_s(self) -> float:
        if self.router:
            return self.between(*self.timing.ask_router_s)
        return self.between(*self.timing.ask_other_s) * max(1.0, self.machines / self.timing.asking_others)


@dataclass(slots=True)
class Retrying:
    """Pauses between tries, each twice as long as the one before."""

    timing: Timing
    failures: int = 0
    not_before: float = float("-inf")

    def failed(self, now: float) -> None:
        """One more failure."""
        first_s, longest_s = self.timing.retry_s
        self.not_before = now + min(longest_s, first_s * 2 ** min(self.failures, 16))
        self.failures += 1

    def worked(self) -> None:
        """Start anew."""
        self.failures, self.not_before = 0, float("-inf")
