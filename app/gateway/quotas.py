"""What each API key used in this minute and this day (UTC), and whether it may use more. Pure."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from corral.app.gateway.errors import QuotaExceeded
from corral.app.gateway.principal import PrincipalId, Quota

MINUTE_S = 60
DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """Requests and tokens."""

    requests: int = 0
    tokens: int = 0


@dataclass(slots=True)
class _Window:
    """What was used from one full minute or day (of Unix time) to the next."""

    length_s: int
    number: int = -1  # since 1970
    requests: int = 0
    tokens: int = 0

    def enter(self, now: float) -> None:
        """Begin anew if another window has begun."""
        number = int(now // self.length_s)
        if not self.number - 1 <= number <= self.number:  # a clock that is set back a little opens no new one
            self.number, self.requests, self.tokens = number, 0, 0

    def seconds_left(self, now: float) -> int:
        return max(1, math.ceil((self.number + 1) * self.length_s - now))


class _Count:
    """The two windows of one key."""

    __slots__ = ("day", "minute")

    def __init__(self) -> None:
        self.minute = _Window(MINUTE_S)
        self.day = _Window(DAY_S)

    def enter(self, now: float) -> None:
        self.minute.enter(now)
        self.day.enter(now)

    def add(self, *, requests: int, tokens: int) -> None:
        for window in (self.minute, self.day):
            window.requests += requests
            window.tokens += tokens


class Quotas:
    """Counts of every key that was used today; those of ended days are dropped."""

    def __init__(self) -> None:
        self._counts: dict[PrincipalId, _Count] = {}
        self._day = 0

    def __len__(self) -> int:
        return len(self._counts)

    def begin(self, id: PrincipalId, quota: Quota, *, now: float) -> None:
        """Count a request. Raises QuotaExceeded instead if a limit has been reached."""
        count = self._entered(id, now)
        reached = max(_reached(count, quota, now), key=lambda each: each[0], default=None)
        if reached is not None:
            raise QuotaExceeded(reached[1], retry_after_s=reached[0])
        count.add(requests=1, tokens=0)

    def take_back(self, id: PrincipalId, *, began_at: float) -> None:
        """A request that `begin` counted at that time got no answer."""
        count = self._counts.get(id)
        if count is None:
            return
        for window in (count.minute, count.day):
            if window.number == int(began_at // window.length_s) and window.requests:
                window.requests -= 1

    def add_tokens(self, id: PrincipalId, tokens: int, *, now: float) -> None:
        """Count what an answer took, when it has ended."""
        self._entered(id, now).add(requests=0, tokens=tokens)

    def restore(self, used: Mapping[PrincipalId, Used], *, now: float) -> None:
        """Add what earlier runs of the node counted today."""
        for id, each in used.items():
            day = self._entered(id, now).day
            day.requests += each.requests
            day.tokens += each.tokens

    def at_least(self, used: Mapping[PrincipalId, Used], *, now: float) -> None:
        """So much was counted today, here and on other machines together."""
        for id, each in used.items():
            day = self._entered(id, now).day
            day.requests = max(day.requests, each.requests)
            day.tokens = max(day.tokens, each.tokens)

    def _entered(self, id: PrincipalId, now: float) -> _Count:
        self._drop_ended(now)
        count = self._counts.get(id)
        if count is None:
            count = self._counts[id] = _Count()
        count.enter(now)
        return count

    def _drop_ended(self, now: float) -> None:
        day = int(now // DAY_S)
        if day != self._day:
            self._day = day
            self._counts = {id: count for id, count in self._counts.items() if count.day.number >= day}


def day_start(now: float) -> float:
    """When the day of `now` began, in UTC."""
    return now // DAY_S * DAY_S


def _reached(count: _Count, quota: Quota, now: float) -> Iterator[tuple[int, str]]:
    """Seconds until it is over, and the words, of each limit that has been reached."""
    minute, day = count.minute, count.day
    for window, used, limit, words in (
        (minute, minute.requests, quota.requests_per_minute, "requests per minute"),
        (minute, minute.tokens, quota.tokens_per_minute, "tokens per minute"),
        (day, day.requests, quota.requests_per_day, "requests per day (UTC)"),
        (day, day.tokens, quota.tokens_per_day, "tokens per day (UTC)"),
    ):
        if limit is not None and used >= limit:
            yield window.seconds_left(now), f"{limit} {words}"
