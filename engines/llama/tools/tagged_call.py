"""A mode of the output parser that reads calls whose arguments are tags instead of JSON."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from corral.engines.llama.json_scan import JsonScanner
from corral.engines.llama.parser import Mode, NextMode, Sink
from corral.engines.llama.text import overlap

_ALONE = r"\s*(?=<)"  # the end of a name without a tag of its own
_LONGEST_HEAD = 300  # characters of a tag with a name


@dataclass(frozen=True)
class Tags:
    """One family's tags. A call is: open, head with the name, for each argument key and value, tail, close."""

    open: str
    head: tuple[str, str]  # around the tool's name; both empty: the name stands alone in its line
    key: tuple[str, str]  # around an argument's name
    value: tuple[str, str]  # around its value
    tail: str
    close: str
    value_lines: bool = False  # values have lines of their own


class TaggedCall:
    """Makes JSON arguments of tags. Text values are streamed, others come when they are complete."""

    reasoning = False

    def __init__(
        self,
        raw: str,
        tags: Tags,
        properties: Mapping[str, Mapping[str, Any]],
        *,
        begun: bool = False,
        then: NextMode,
        otherwise: NextMode,
    ) -> None:
        """`begun`: the head's first part has been read. `raw`: what was left out before. `properties`: of each tool, the schemas of its arguments."""
        self._raw = raw
        self._tags = tags
        self._properties = properties
        self._then = then
        self._otherwise = otherwise
        self._opening = "" if begun else tags.head[0]
        self._head = re.compile(
            rf"\s*{re.escape(self._opening)}(?P<name>[\w.-]+){re.escape(tags.head[1]) or _ALONE}"
        )
        self._key = re.compile(
            rf"{re.escape(tags.key[0])}(?P<name>[^<>\"]+){re.escape(tags.key[1])}\s*?{re.escape(tags.value[0])}(?s:\n(?=.)|(?=[^\n]))"
        )
        self._name: str | None = None
        self._keys = 0
        self._is_text = False
        self._json: JsonScanner | None = None  # follows a value that may be an object or a list
        self._value: list[str] | None = None  # what is known of the current value, None between values

    def read(self, text: str, sink: Sink, last: bool) -> tuple[str, Mode | None]:
        if self._name is None:
            return self._read_head(text, sink, last)
        while True:
            if self._value is not None:
                text, complete = self._read_value(text, sink, last)
                if not complete:
                    return text, None
            text = text.lstrip()
            found = self._key.match(text)
            if found is None:
                return self._between(text, sink, last)
            text = text[found.end() :]
            self._begin_value(found["name"].strip(), sink)

    def _read_head(self, text: str, sink: Sink, last: bool) -> tuple[str, Mode | None]:
        if found := self._head.match(text):
            self._name = found["name"]
            sink.start_call(self._name)
            sink.arguments("{")
            return text[found.end() :], self
        opening, shown = self._opening, text.lstrip()
        possible = opening.startswith(shown) or shown.startswith(opening)
        if not last and possible and len(text) < _LONGEST_HEAD:
            return text, None
        sink.text(self._raw)
        return text, self._otherwise()

    def _between(self, text: str, sink: Sink, last: bool) -> tuple[str, Mode | None]:
        """Neither inside of a value nor at a complete key."""
        end = self._tags.tail or self._tags.close
        if text.startswith(end):
            sink.arguments("}")
            return text[len(end) :], self._then()
        opening = self._tags.key[0]
        possible = opening.startswith(text) or end.startswith(text) or text.startswith(opening)
        if possible and len(text) < _LONGEST_HEAD:
            return text, None
        sink.arguments("}")
        return text, self._otherwise()

    def _begin_value(self, key: str, sink: Sink) -> None:
        schema = self._properties.get(self._name or "", {}).get(key)
        self._is_text = isinstance(schema, dict) and schema.get("type") == "string"
        sink.arguments(f"{', ' if self._keys else ''}{json.dumps(key, ensure_ascii=False)}: ")
        if self._is_text:
            sink.arguments('"')
        self._keys += 1
        self._value = []
        self._json = None if self._is_text else JsonScanner()

    def _read_value(self, text: str, sink: Sink, last: bool) -> tuple[str, bool]:
        """What is left to read, and whether the value is complete."""
        if self._json is not None and self._value is not None:
            text = self._read_json(text, self._json, self._value)
            if self._json is not None:
                return text, False
        close = self._tags.value[1]
        end = text.find(close)
        size = end if end >= 0 else len(text) - max(overlap(text, close), overlap(text, "\n" + close))
        new = text[:size]
        if end >= 0:
            new = new.removesuffix("\n")
        if self._is_text:
            sink.arguments(json.dumps(new, ensure_ascii=False)[1:-1])
        elif self._value is not None:
            self._value.append(new)
        if end < 0:
            return text[size:], False
        if not self._is_text:
            sink.arguments(_as_json("".join(self._value or ())))
        else:
            sink.arguments('"')
        self._value = None
        return text[end + len(close) :], True

    def _read_json(self, text: str, scanner: JsonScanner, value: list[str]) -> str:
        """JSON may hold what looks like a closing tag: it is read up to its own end first."""
        shown = text.lstrip()
        if not value and not shown:
            return text
        if not value and shown[0] not in "{[":
            self._json = None
            return text
        at, _ = scanner.scan(text)
        value.append(text[:at])
        if scanner.done or scanner.broken:
            self._json = None
        return text[at:]


def _as_json(text: str) -> str:
    """The value itself where it is JSON, otherwise a string."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except (ValueError, RecursionError):
        return json.dumps(text, ensure_ascii=False)
