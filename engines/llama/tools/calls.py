"""Modes of the output parser that read tool calls with JSON arguments."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from corral.engines.llama.json_scan import JsonScanner
from corral.engines.llama.parser import Mode, NextMode, Sink

_LONGEST_HEADER = 300  # characters
_WRAPPERS = frozenset({"function", "tool_call"})  # keys whose object holds the call itself
_NAMES = frozenset({"name", "tool_name"})
_ARGUMENTS = frozenset({"arguments", "parameters"})


class JsonCall:
    """A call that is one JSON object with name and arguments; anything else is given back as content."""

    reasoning = False

    def __init__(
        self, raw: str, *, then: NextMode, otherwise: NextMode, names: frozenset[str] | None = None
    ) -> None:
        """`raw`: what was left out before, at most up to the first `{`. `names`: only calls of these count, and no other keys are allowed."""
        self._then = then
        self._otherwise = otherwise
        self._names = names
        self._raw: list[str] = [raw]
        opened = raw.endswith("{")
        self._awaited = "key" if opened else "object"  # object, key, colon, value, next
        self._depth = int(opened)
        self._key = ""
        self._name: str | None = None
        self._started = False
        self._early: list[str] = []  # arguments that came before the name
        self._has_arguments = False
        self._value: JsonScanner | None = None
        self._streams = False  # the value goes to the client as it comes
        self._collected: list[str] = []
        self._fault = False
        self._ended = False

    def read(self, text: str, sink: Sink, last: bool) -> tuple[str, Mode | None]:
        at = 0
        while at < len(text) and not (self._fault or self._ended):
            at = self._scan(text, at, sink) if self._value else self._mark(text[at], at)
        if not self._started:
            self._raw.append(text[:at])
        if self._ended and self._name is not None:
            self._start(sink)
            if not self._has_arguments:
                sink.arguments("{}")
            return text[at:], self._then()
        if self._fault or self._ended or (last and not self._started):
            if not self._started:
                sink.text("".join(self._raw))
            self._raw = []
            return text[at:], self._otherwise()
        return text[at:], None

    def _mark(self, char: str, at: int) -> int:
        """One character outside of values."""
        if char.isspace():
            return at + 1
        if self._awaited == "object" and char == "{":
            self._depth, self._awaited = self._depth + 1, "key"
        elif self._awaited == "key" and char == '"':
            self._value, self._collected, self._streams = JsonScanner(), [], False
            return at
        elif self._awaited == "colon" and char == ":":
            self._awaited = "value"
        elif self._awaited == "value":
            return self._begin_value(char, at)
        elif self._awaited == "next" and char == ",":
            self._awaited = "key"
        elif self._awaited in ("next", "key") and char == "}":
            self._depth, self._awaited = self._depth - 1, "next"
            self._ended = self._depth == 0
        else:
            self._fault = True
            return at
        return at + 1

    def _begin_value(self, char: str, at: int) -> int:
        if self._key in _WRAPPERS and char == "{":
            self._depth, self._awaited = self._depth + 1, "key"
            return at + 1
        known = self._key in _NAMES or self._key in _ARGUMENTS or self._key in ("id", "type")
        if (self._names is not None and not known) or (self._key in _ARGUMENTS and char not in '{"n'):
            self._fault = True
            return at
        self._value, self._collected = JsonScanner(), []
        self._streams = self._key in _ARGUMENTS and char == "{"
        return at

    def _scan(self, text: str, at: int, sink: Sink) -> int:
        """A key or a value."""
        assert self._value is not None
        at, read = self._value.scan(text, at)
        if self._streams:
            self._pass_on(read, sink)
        else:
            self._collected.append(read)
        self._fault = self._value.broken
        if self._value.done:
            self._value = None
            self._take("".join(self._collected), sink)
        return at

    def _take(self, collected: str, sink: Sink) -> None:
        """A key or a value is complete."""
        if self._awaited == "key":
            self._key, self._awaited = json.loads(collected), "colon"
            return
        self._awaited = "next"
        value = json.loads(collected) if collected else None
        if self._key in _NAMES:
            self._take_name(value, sink)
        elif self._key in _ARGUMENTS and collected:
            self._pass_on(value if isinstance(value, str) and value.strip() else "{}", sink)

    def _take_name(self, value: Any, sink: Sink) -> None:
        usable = isinstance(value, str) and value and not self._started
        if not usable or (self._names is not None and value not in self._names):
            self._fault = True
            return
        self._name = value
        if self._has_arguments:
            self._start(sink)

    def _pass_on(self, arguments: str, sink: Sink) -> None:
        self._has_arguments = True
        if self._name is None:
            self._early.append(arguments)
            return
        self._start(sink)
        sink.arguments(arguments)

    def _start(self, sink: Sink) -> None:
        if not self._started:
            assert self._name is not None
            self._started = True
            sink.start_call(self._name)
            sink.arguments("".join(self._early))


class HeaderCall:
    """A call whose name stands before its arguments: a header up to the first `{`, then one JSON object."""

    reasoning = False

    def __init__(self, raw: str, header: re.Pattern[str], *, then: NextMode, otherwise: NextMode) -> None:
        """`header` must match all of the text before the `{`; its group `name` is the tool's name."""
        self._raw = raw
        self._header = header
        self._then = then
        self._otherwise = otherwise
        self._value: JsonScanner | None = None

    def read(self, text: str, sink: Sink, last: bool) -> tuple[str, Mode | None]:
        at = 0
        if self._value is None:
            end = text.find("{", 0, _LONGEST_HEADER)
            if end < 0 and len(text) < _LONGEST_HEADER and not last:
                return text, None
            found = self._header.fullmatch(text, 0, end) if end >= 0 else None
            if found is None:
                sink.text(self._raw)
                return text, self._otherwise()
            sink.start_call(found["name"])
            self._value, at = JsonScanner(), end
        at, read = self._value.scan(text, at)
        sink.arguments(read)
        if self._value.done:
            return text[at:], self._then()
        return text[at:], self._otherwise() if self._value.broken else None


class Gap:
    """What stands between calls: `skipped` texts and blanks are dropped; `starts` lead to modes, the rest to `otherwise`."""

    reasoning = False

    def __init__(
        self,
        *,
        skipped: Sequence[str] = (),
        starts: Mapping[str, NextMode] | None = None,
        otherwise: NextMode,
    ) -> None:
        self._skipped = tuple(skipped)
        self._starts = starts or {}
        self._otherwise = otherwise

    def read(self, text: str, sink: Sink, last: bool) -> tuple[str, Mode | None]:
        while text := text.lstrip():
            for marker, start in self._starts.items():
                if text.startswith(marker):
                    return text[len(marker) :], start()
            if not last and any(marker.startswith(text) for marker in (*self._skipped, *self._starts)):
                return text, None
            found = next((marker for marker in self._skipped if text.startswith(marker)), None)
            if found is None:
                return text, self._otherwise()
            text = text[len(found) :]
        return "", None
