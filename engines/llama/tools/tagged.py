"""Qwen3-Coder, GLM, Seed, MiniMax: calls whose arguments are tags, one for each."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from corral.engines.errors import UnsupportedSchema
from corral.engines.llama.parser import Content, Mode
from corral.engines.llama.template import PROBE_TOOL, ChatTemplate
from corral.engines.llama.tools.calls import Gap
from corral.engines.llama.tools.format import NativeFormat
from corral.engines.llama.tools.grammar import Rules, Terminal, json_value, quoted, sequence
from corral.engines.llama.tools.tagged_call import TaggedCall, Tags
from corral.engines.requests import Tool

QWEN_CODER = Tags(
    open="<tool_call>",
    head=("<function=", ">"),
    key=("<parameter=", ">"),
    value=("", "</parameter>"),
    tail="</function>",
    close="</tool_call>",
    value_lines=True,
)
SEED = Tags(
    open="<seed:tool_call>",
    head=("<function=", ">"),
    key=("<parameter=", ">"),
    value=("", "</parameter>"),
    tail="</function>",
    close="</seed:tool_call>",
)
GLM = Tags(
    open="<tool_call>",
    head=("", ""),
    key=("<arg_key>", "</arg_key>"),
    value=("<arg_value>", "</arg_value>"),
    tail="",
    close="</tool_call>",
)
MINIMAX = Tags(
    open="<minimax:tool_call>",
    head=('<invoke name="', '">'),
    key=('<parameter name="', '">'),
    value=("", "</parameter>"),
    tail="</invoke>",
    close="</minimax:tool_call>",
)
_ENFORCED = frozenset({"type", "properties", "required", "additionalProperties", "$defs", "definitions"})
_KEY = re.compile(r'[^<>"\n]+')
_NOTES = frozenset(
    {"title", "description", "default", "examples", "$schema", "$id", "$comment", "deprecated"}
)


class Tagged(NativeFormat):
    """One family of tags."""

    def __init__(self, name: str, tags: Tags) -> None:
        self.name = name
        self.markers: tuple[str, ...] = tuple(
            text
            for text in (tags.open, tags.close, *tags.key, *tags.value, tags.tail)
            if text.startswith("<")
        )
        self._tags = tags

    def fits(self, template: ChatTemplate) -> bool:
        tags, written = self._tags, "".join(template.habits.call_text.split())
        head = "".join((tags.open + tags.head[0] + PROBE_TOOL.name + tags.head[1] + tags.key[0]).split())
        return head in written

    def reader(self, tools: Sequence[Tool]) -> Mode:
        properties = {tool.name: (tool.parameters or {}).get("properties") or {} for tool in tools}
        tags = self._tags

        def content() -> Mode:
            return Content({tags.open: call})

        def after() -> Mode:
            starts = {tags.open: lambda: call(tags.open)}
            if tags.tail:  # several calls between one pair of tags
                starts[tags.head[0]] = lambda: call(tags.head[0], begun=True)
            return Gap(skipped=(tags.close,), starts=starts, otherwise=content)

        def call(raw: str, *, begun: bool = False) -> Mode:
            return TaggedCall(raw, tags, properties, begun=begun, then=after, otherwise=content)

        return content()

    def rules(self, tools: Sequence[Tool], *, several: bool, terminal: Terminal) -> Rules:
        tags = self._tags

        def literal(text: str) -> str:
            return sequence(text, self.markers, terminal)

        lines = ["calls: call" + (' ("\\n" call)*' if several else "")]
        lines.append("call: " + " | ".join(f"call_{number}" for number in range(len(tools))))
        for number, tool in enumerate(tools):
            arguments, rules = self._arguments(tool, number, literal)
            inner = f"\n{tags.head[0]}" if tags.tail else ""
            before = literal(f"{tags.open}{inner}{tool.name}{tags.head[1]}\n")
            after = literal(f"{tags.tail}\n{tags.close}" if tags.tail else tags.close)
            lines.append(f"call_{number}: {before} {arguments} {after}")
            lines += rules
        return Rules("\n".join(lines))

    def _arguments(self, tool: Tool, number: int, literal: Terminal) -> tuple[str, list[str]]:
        """What stands between head and tail, and the rules that it needs."""
        schema = tool.parameters or {}
        if unknown := sorted(set(schema) - _ENFORCED - _NOTES):
            raise UnsupportedSchema(
                f"this model's calls can't be made to follow {', '.join(unknown)} in the parameters of {tool.name}",
                param="tools",
            )
        required = set(schema.get("required") or ())
        properties: Mapping[str, Any] = schema.get("properties") or {}
        if missing := sorted(required - set(properties)):
            raise UnsupportedSchema(
                f"{tool.name} requires {', '.join(missing)}, but has no such properties", param="tools"
            )
        parts, rules = [], []
        for place, (key, value) in enumerate(properties.items()):
            if key != key.strip() or not _KEY.fullmatch(key):
                raise UnsupportedSchema(
                    f"this model can't be made to name an argument {key!r}", param="tools"
                )
            name = f"argument_{number}_{place}"
            parts.append(name if key in required else f"{name}?")
            rules += self._argument(name, key, value, schema, literal)
        return " ".join(parts), rules

    def _argument(
        self, name: str, key: str, value: Any, schema: Mapping[str, Any], literal: Terminal
    ) -> list[str]:
        tags = self._tags
        line = "\n" if tags.value_lines else ""
        gap = "\n" if tags.value[0] else ""
        before = literal(f"{tags.key[0]}{key}{tags.key[1]}{gap}{tags.value[0]}{line}")
        close = f"{line}{tags.value[1]}"
        if not isinstance(value, dict) or value.get("type") != "string":
            shared = {part: schema[part] for part in ("$defs", "definitions") if part in schema}
            nested = json_value({**shared, **value} if isinstance(value, dict) else value)
            return [f'{name}: {before} {name}_value {literal(close)} "\\n"', f"{name}_value: %json {nested}"]
        if unknown := sorted(set(value) - _NOTES - {"type", "enum", "const"}):
            raise UnsupportedSchema(
                f"this model's calls can't be made to follow {', '.join(unknown)} of {key}", param="tools"
            )
        if "enum" in value or "const" in value:
            choices = value["enum"] if "enum" in value else [value["const"]]
            words = " | ".join(quoted(choice) for choice in choices if isinstance(choice, str))
            if not words:
                raise UnsupportedSchema(f"no value is allowed for {key}", param="tools")
            return [f'{name}: {before} ({words}) {literal(close)} "\\n"']
        return _free_text(name, before, tags.value[1], literal)


def _free_text(name: str, before: str, close: str, literal: Terminal) -> list[str]:
    """Any text up to the closing tag."""
    closing = literal(close)
    if "<[" in closing:
        return [f'{name}: {before} {name.upper()} {closing} "\\n"', f"{name.upper()}: /(?s:.*)/"]
    return [f'{name}: {before} {name}_text "\\n"', f"{name}_text[suffix={quoted(close)}]: /(?s:.*)/"]
