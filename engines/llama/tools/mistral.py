"""Mistral: `[TOOL_CALLS][{"name": …, "arguments": …}, …]`, since 2025 `[TOOL_CALLS]name[ARGS]{…}` for each call."""

import re
from collections.abc import Sequence

from corral.engines.llama.parser import Content, Mode
from corral.engines.llama.template import ChatTemplate
from corral.engines.llama.tools.calls import Gap, HeaderCall, JsonCall
from corral.engines.llama.tools.format import NativeFormat
from corral.engines.llama.tools.grammar import CallShape, Rules, Terminal, json_rules
from corral.engines.requests import Tool

_CALLS, _ARGS, _ID = "[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"
_HEADER = re.compile(r"\s*(?P<name>[\w.-]+)\s*(?:\[CALL_ID\]\s*\w+\s*)?(?:\[ARGS\])?\s*")
_LIST_SHAPE = CallShape(
    before='{"name": "{name}", "arguments": ',
    after="}",
    between=", ",
    opening="[TOOL_CALLS][",
    closing="]",
    markers=(_CALLS,),
)
_NAMED_SHAPE = CallShape(before="[TOOL_CALLS]{name}[ARGS]", markers=(_CALLS, _ARGS))


class Mistral(NativeFormat):
    """Reads both forms; writes the one that the template writes."""

    markers: tuple[str, ...] = (_CALLS, _ARGS, _ID)

    def __init__(self, *, lists: bool) -> None:
        self.name = "mistral" if lists else "mistral-named"
        self._lists = lists

    def fits(self, template: ChatTemplate) -> bool:
        written = template.habits.call_text
        return _CALLS in written and (re.search(r"\[TOOL_CALLS\]\s*\[\{", written) is not None) == self._lists

    def reader(self, tools: Sequence[Tool]) -> Mode:
        def content() -> Mode:
            return Content({_CALLS: opened})

        def opened(raw: str) -> Mode:
            return Gap(
                starts={"[": lambda: listed(raw + "["), "{": lambda: listed(raw + "{")},
                otherwise=lambda: HeaderCall(raw, _HEADER, then=after, otherwise=content),
            )

        def listed(raw: str) -> Mode:
            return JsonCall(raw, then=after, otherwise=content)

        def after() -> Mode:
            return Gap(
                skipped=("]",),
                starts={",": lambda: listed(","), _CALLS: lambda: opened(_CALLS)},
                otherwise=content,
            )

        return content()

    def rules(self, tools: Sequence[Tool], *, several: bool, terminal: Terminal) -> Rules:
        shape = _LIST_SHAPE if self._lists else _NAMED_SHAPE
        return json_rules(tools, shape, several=several, terminal=terminal)
