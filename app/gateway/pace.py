"""How fast an answer comes, measured with a stopwatch. Pure, but for the clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from corral.engines.events import Done, Event, Finished, Started, TextDelta, ToolCallDelta

CROWDING = 0.5  # each answer at the same time slows the others down by so much of their time alone
PREFILL_TIMES = 10.0  # reading is so much faster than generating, as long as nobody has measured it
_MANY_TOKENS = 8  # generated, before a rate can be taken from them
_LONG_PROMPT = 64  # tokens that had to be read, the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Tokens per second of an answer that is alone; None: not known."""

    decode: float | None = None
    prefill: float | None = None
    crowding: float | None = None  # how much each answer at the same time slows it down, of its time alone


UNKNOWN = Pace()


def slowdown(at_once: float, crowding: float = CROWDING) -> float:
    """How much longer each of so many answers at the same time takes than one alone."""
    return 1.0 + crowding * max(0.0, at_once - 1.0)


class Crowd:
    """Answers of one model that one place gives at the same time, counted over time."""

    __slots__ = ("_at", "_clock", "_seconds", "count")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._at = clock()
        self._seconds = 0.0
        self.count = 0

    def enter(self) -> None:
        """One more begins."""
        self._seconds, self._at = self.seconds(), self._clock()
        self.count += 1

    def leave(self) -> None:
        """One ends."""
        self._seconds, self._at = self.seconds(), self._clock()
        self.count -= 1

    def seconds(self) -> float:
        """That all of them have taken together."""
        return self._seconds + self.count * (self._clock() - self._at)


@dataclass(frozen=True, slots=True)
class _Moment:
    """What two clocks showed: that on the wall, and the crowd's."""

    at: float
    together_s: float

    def others_since(self, earlier: "_Moment") -> float:
        """How many answers ran beside this one in the mean."""
        passed_s = self.at - earlier.at
        return max(0.0, (self.together_s - earlier.together_s) / passed_s - 1.0) if passed_s > 0.0 else 0.0

    def towards(self, later: "_Moment", share: float) -> "_Moment":
        """Somewhere between two moments."""
        return _Moment(
            self.at + share * (later.at - self.at),
            self.together_s + share * (later.together_s - self.together_s),
        )


class Stopwatch:
    """Measures one answer. `crowd`: it and all others of its model there; it has entered, and leaves after the end."""

    __slots__ = ("_began", "_choices", "_clock", "_crowd", "_done", "_ended", "_first", "_started", "_warm")

    def __init__(self, clock: Callable[[], float], *, crowd: Crowd, warm: bool) -> None:
        """`warm`: the model was loaded already, so that the time until it started is that of the prompt."""
        self._clock = clock
        self._crowd = crowd
        self._began = self._now()
        self._warm = warm
        self._started: tuple[Started, _Moment] | None = None
        self._first: _Moment | None = None
        self._choices = 0
        self._done: Done | None = None
        self._ended = self._began

    def see(self, events: Sequence[Event]) -> None:
        """What has just come."""
        for event in events:
            kind = type(event)
            if kind is TextDelta or kind is ToolCallDelta:
                self.first_token()
            elif kind is Finished:
                self._choices += 1
            elif isinstance(event, Started):
                self._started = event, self._now()
            elif isinstance(event, Done):
                self._done, self._ended = event, self._now()

    def first_token(self) -> None:
        """It has come."""
        if self._first is None:
            self._first = self._now()

    def counted(self, done: Done, *, choices: int = 1) -> None:
        """An answer whose events nobody saw is complete: it had so many tokens.

        If not even its first token was seen, the time is shared out as if reading were PREFILL_TIMES as fast.
        """
        now = self._now()
        self._done, self._ended, self._choices = done, now, choices
        read = done.prompt_tokens - done.cached_tokens
        if self._first is not None:
            self._started = (
                Started(prompt_tokens=done.prompt_tokens, cached_tokens=done.cached_tokens),
                self._first,
            )
        elif done.completion_tokens:
            work = read / PREFILL_TIMES
            share = work / (work + done.completion_tokens / max(1, choices))
            self._first = self._began.towards(now, share)

    @property
    def completion_tokens(self) -> int | None:
        """Generated for each choice; None before the end."""
        return None if self._done is None else self._done.completion_tokens // max(1, self._choices)

    @property
    def cached_share(self) -> float | None:
        """Of the prompt; None before the end."""
        done = self._done
        return done.cached_tokens / done.prompt_tokens if done is not None and done.prompt_tokens else None

    def others(self) -> float:
        """How many answers ran beside it in the mean while it was generated."""
        return 0.0 if self._first is None else self._ended.others_since(self._first)

    def pace(self, crowding: float = CROWDING) -> Pace:
        """What can be said after Done, of an answer that is alone."""
        return Pace(decode=self._decode(crowding), prefill=self._prefill(crowding))

    def _decode(self, crowding: float) -> float | None:
        tokens, first = self.completion_tokens, self._first
        if tokens is None or first is None or tokens < _MANY_TOKENS or self._ended.at <= first.at:
            return None
        return slowdown(1.0 + self.others(), crowding) * (tokens - 1) / (self._ended.at - first.at)

    def _prefill(self, crowding: float) -> float | None:
        if self._started is None or not self._warm:
            return None
        started, then = self._started
        tokens = started.prompt_tokens - started.cached_tokens
        if tokens < _LONG_PROMPT or then.at <= self._began.at:
            return None
        share = slowdown(1.0 + then.others_since(self._began), crowding)
        return share * tokens / (then.at - self._began.at)

    def _now(self) -> _Moment:
        return _Moment(self._clock(), self._crowd.seconds())
