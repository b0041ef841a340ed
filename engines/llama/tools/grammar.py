"""Grammars that force tool calls, in llguidance's Lark dialect: the family's own syntax around the tools' own schemas."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from corral.engines.llama.constraint import JSON_OPTIONS, schema_text
from corral.engines.requests import Tool

Terminal = Callable[[str], str]  # how a grammar names a marker: control token or quoted text
_BLANKS = "[ ]?"  # in arguments, which nobody reads
_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


@dataclass(frozen=True)
class CallShape:
    """What surrounds calls and their JSON arguments; `{name}` stands for the tool's name."""

    before: str
    after: str = ""
    between: str | None = ""  # between two calls; None: only one call at a time
    opening: str = ""  # before the first call
    closing: str = ""  # after the last
    markers: tuple[str, ...] = ()  # parts of the above that may be control tokens


@dataclass(frozen=True)
class Rules:
    """Lark rules; the one called `calls` stands for all calls."""

    text: str


def json_rules(tools: Sequence[Tool], shape: CallShape, *, several: bool, terminal: Terminal) -> Rules:
    """Rules for calls of at least one of these tools."""

    def literal(text: str) -> str:
        return sequence(text, shape.markers, terminal)

    lines = []
    for number, tool in enumerate(tools):
        before = literal(shape.before.replace("{name}", tool.name))
        lines.append(f"call_{number}: {before} arguments_{number} {literal(shape.after)}")
        lines.append(f"arguments_{number}: %json {parameters_of(tool)}")
    more = repeated(shape, several, literal)
    lines.append(f"calls: {literal(shape.opening)} call {more} {literal(shape.closing)}")
    lines.append("call: " + " | ".join(f"call_{number}" for number in range(len(tools))))
    return Rules("\n".join(lines))


def repeated(shape: CallShape, several: bool, literal: Callable[[str], str]) -> str:
    """What may follow the first call."""
    return f"({literal(shape.between)} call)*" if several and shape.between is not None else ""


def parameters_of(tool: Tool) -> str:
    """The tool's parameters for `%json`."""
    return json_value({**tool.parameters, "type": "object"} if tool.parameters else _NO_PARAMETERS, _BLANKS)


def json_value(schema: dict[str, Any] | bool, blanks: str = JSON_OPTIONS["whitespace_pattern"]) -> str:
    """A schema for `%json`. Raises UnsupportedSchema if it is too big."""
    value: dict[str, Any] = json.loads(schema_text(schema))
    return json.dumps({**value, "x-guidance": {**JSON_OPTIONS, "whitespace_pattern": blanks}})


def sequence(text: str, markers: Sequence[str], terminal: Terminal) -> str:
    """Text as a sequence of terminals."""
    if not text:
        return ""
    parts = (
        re.split("(" + "|".join(re.escape(marker) for marker in markers) + ")", text) if markers else [text]
    )
    return " ".join(terminal(part) if part in markers else quoted(part) for part in parts if part)


def quoted(text: str) -> str:
    """A Lark string."""
    return json.dumps(text, ensure_ascii=False)
