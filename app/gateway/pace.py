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


class Stopwatch:
    """Measures one answer. `at_once`: answers of its model in flight when it began, itself included."""

    __slots__ = ("_at_once", "_began", "_choices", "_clock", "_done", "_ended", "_first", "_started", "_warm")

    def __init__(self, clock: Callable[[], float], *, at_once: int, warm: bool) -> None:
        """`warm`: the model was loaded already, so that the time until it started is that of the prompt."""
        self._clock = clock
        self._began = clock()
        self._at_once = at_once
        self._warm = warm
        self._started: tuple[Started, float] | None = None
        self._first: float | None = None
        self._choices = 0
        self._done: Done | None = None
        self._ended = 0.0

    def see(self, events: Sequence[Event]) -> None:
        """What has just come."""
        for event in events:
            kind = type(event)
            if kind is TextDelta or kind is ToolCallDelta:
                self.first_token()
            elif kind is Finished:
                self._choices += 1
            elif isinstance(event, Started):
                self._started = event, self._clock()
            elif isinstance(event, Done):
                self._done, self._ended = event, self._clock()

    def first_token(self) -> None:
        """It has come."""
        if self._first is None:
            self._first = self._clock()

    def counted(self, done: Done, *, choices: int = 1) -> None:
        """An answer whose events nobody saw is complete: it had so many tokens.

        If not even its first token was seen, the time is shared out as if reading were PREFILL_TIMES as fast.
        """
        now = self._clock()
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
            self._first = self._began + share * (now - self._began)

    @property
    def completion_tokens(self) -> int | None:
        """Generated for each choice; None before the end."""
        return None if self._done is None else self._done.completion_tokens // max(1, self._choices)

    def others(self, at_once: int) -> float:
        """How many answers ran beside it in the mean; `at_once`: in flight now, this one included."""
        return (self._at_once + at_once) / 2.0 - 1.0

    def pace(self, at_once: int, crowding: float = CROWDING) -> Pace:
        """What can be said after Done; `at_once`: answers in flight now, this one included."""
        share = slowdown(1.0 + self.others(at_once), crowding)
        return Pace(decode=self._decode(share), prefill=self._prefill(share))

    def _decode(self, share: float) -> float | None:
        tokens, first = self.completion_tokens, self._first
        if tokens is None or first is None or tokens < _MANY_TOKENS or self._ended <= first:
            return None
        return share * (tokens - 1) / (self._ended - first)

    def _prefill(self, share: float) -> float | None:
        if self._started is None or not self._warm:
            return None
        started, at = self._started
        tokens = started.prompt_tokens - started.cached_tokens
        return share * tokens / (at - self._began) if tokens >= _LONG_PROMPT and at > self._began else None
