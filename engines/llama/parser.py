"""From a model's text to content, reasoning and tool calls, while it is being written.

An `OutputParser` is always in one mode. A mode reads from the text that is held, gives what is certain to the sink, and
names the mode that follows, or none while it waits for more. Modes hold back only what may be the beginning of a marker,
so the result doesn't depend on how the text was cut into pieces.
"""

import re
import secrets
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from corral.engines.llama.text import overlap

_ID_CHARACTERS = string.ascii_letters + string.digits
_HELD_SPACE = 64  # blanks in front of a marker that are dropped with it


@dataclass(frozen=True, slots=True)
class Text:
    """New content."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningText:
    """New reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallStart:
    """Call number `call` begins."""

    call: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ToolCallArguments:
    """The next piece of a call's arguments, which are JSON text."""

    call: int
    text: str


Piece = Text | ReasoningText | ToolCallStart | ToolCallArguments


def new_call_id() -> str:
    """`call_` and 24 letters and digits."""
    return "call_" + "".join(secrets.choice(_ID_CHARACTERS) for _ in range(24))


class Sink:
    """Collects pieces and numbers the calls."""

    def __init__(self, *, new_id: Callable[[], str], most_calls: int | None) -> None:
        self._pieces: list[Piece] = []
        self._calls = 0
        self._new_id = new_id
        self._most_calls = most_calls
        self._muted = False  # one call too many: it and all that follows is dropped

    def text(self, text: str) -> None:
        if text and not self._muted:
            self._pieces.append(Text(text))

    def reasoning(self, text: str) -> None:
        if text and not self._muted:
            self._pieces.append(ReasoningText(text))

    def start_call(self, name: str) -> None:
        self._muted = self._most_calls is not None and self._calls >= self._most_calls
        if not self._muted:
            self._pieces.append(ToolCallStart(self._calls, self._new_id(), name))
            self._calls += 1

    def arguments(self, text: str) -> None:
        if text and not self._muted:
            self._pieces.append(ToolCallArguments(self._calls - 1, text))

    def take(self) -> list[Piece]:
        """What came since the last time."""
        pieces, self._pieces = self._pieces, []
        return pieces


class Mode(Protocol):
    """One way to read text."""

    reasoning: bool

    def read(self, text: str, sink: Sink, last: bool) -> tuple[str, "Mode | None"]:
        """What is still to be read, and the mode that reads it; none: this one, when more has come."""


NextMode = Callable[[], Mode]


class OutputParser:
    """One choice's parser; `feed` is cheap enough to be called for every token."""

    def __init__(
        self, first: Mode, *, new_id: Callable[[], str] = new_call_id, most_calls: int | None = None
    ) -> None:
        self._mode = first
        self._held = ""
        self._sink = Sink(new_id=new_id, most_calls=most_calls)

    @property
    def in_reasoning(self) -> bool:
        """What comes now is reasoning."""
        return self._mode.reasoning

    def feed(self, text: str) -> list[Piece]:
        """Read more text; what became certain."""
        return self._read(self._held + text, last=False)

    def finish(self) -> list[Piece]:
        """The text is over; what was held back."""
        return self._read(self._held, last=True)

    def _read(self, text: str, *, last: bool) -> list[Piece]:
        while True:
            text, following = self._mode.read(text, self._sink, last)
            if following is None:
                self._held = text
                return self._sink.take()
            self._mode = following


class Content:
    """Content up to a marker; `openers` say which mode follows which marker (it gets what was left out)."""

    reasoning = False

    def __init__(self, openers: Mapping[str, Callable[[str], Mode]]) -> None:
        self._openers = openers
        self._markers = Markers(tuple(openers)) if openers else None

    def read(self, text: str, sink: Sink, last: bool) -> tuple[str, Mode | None]:
        if self._markers is None:
            sink.text(text)
            return "", None
        if found := self._markers.find(text):
            start, end, marker = found
            sink.text(text[:start])
            return text[end:], self._openers[marker](text[start:end])
        kept = 0 if last else self._markers.undecided(text)
        sink.text(text[: len(text) - kept])
        return text[len(text) - kept :], None


class Reasoning:
    """Reasoning up to its closing marker."""

    reasoning = True

    def __init__(self, closer: str, then: NextMode) -> None:
        self._markers = Markers((closer,))
        self._then = then
        self._begun = False

    def read(self, text: str, sink: Sink, last: bool) -> tuple[str, Mode | None]:
        if not self._begun:
            text = text.lstrip()
            self._begun = bool(text)
        if found := self._markers.find(text):
            start, end, _ = found
            sink.reasoning(text[:start])
            return text[end:], Blank(self._then)
        kept = 0 if last else self._markers.undecided(text)
        sink.reasoning(text[: len(text) - kept])
        return text[len(text) - kept :], None


class Blank:
    """Drops blanks."""

    reasoning = False

    def __init__(self, then: NextMode) -> None:
        self._then = then

    def read(self, text: str, sink: Sink, last: bool) -> tuple[str, Mode | None]:
        text = text.lstrip()
        return text, self._then() if text else None


class Beginning:
    """The first characters decide: markers as in Content, but only here; anything else is `otherwise`."""

    reasoning = False

    def __init__(self, openers: Mapping[str, Callable[[str], Mode]], otherwise: NextMode) -> None:
        self._openers = openers
        self._otherwise = otherwise

    def read(self, text: str, sink: Sink, last: bool) -> tuple[str, Mode | None]:
        shown = text.lstrip()
        blank = text[: len(text) - len(shown)]
        for marker, opener in self._openers.items():
            if shown.startswith(marker):
                return shown[len(marker) :], opener(blank + marker)
        if not last and any(marker.startswith(shown) for marker in self._openers):
            return text, None
        return text, self._otherwise()


class Markers:
    """Finds markers and the blanks in front of them."""

    def __init__(self, markers: Sequence[str]) -> None:
        self._markers = tuple(markers)
        self._search = re.compile("|".join(re.escape(marker) for marker in markers))
        self._firsts = frozenset(marker[0] for marker in markers)

    def find(self, text: str) -> tuple[int, int, str] | None:
        """The first marker: where the blanks in front of it begin, where it ends, and itself."""
        found = self._search.search(text)
        if found is None:
            return None
        before = text[max(0, found.start() - _HELD_SPACE) : found.start()]
        return found.start() - len(before) + len(before.rstrip()), found.end(), found[0]

    def undecided(self, text: str) -> int:
        """How much of the end of `text` may belong to a marker: its beginning, and blanks in front of it."""
        if not text or (self._firsts.isdisjoint(text) and not text[-1].isspace()):
            return 0
        part = max(overlap(text, marker) for marker in self._markers)
        before = text[max(0, len(text) - part - _HELD_SPACE) : len(text) - part]
        return part + len(before) - len(before.rstrip())
