"""Hermes, Qwen 2.5, Qwen 3 and many more: `<tool_call>{"name": …, "arguments": …}</tool_call>`."""

import re
from collections.abc import Sequence

from corral.engines.llama.parser import Content, Mode
from corral.engines.llama.template import ChatTemplate
from corral.engines.llama.tools.calls import Gap, JsonCall
from corral.engines.llama.tools.format import NativeFormat
from corral.engines.llama.tools.grammar import CallShape, Rules, Terminal, json_rules
from corral.engines.requests import Tool

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
_WRITTEN = re.compile(r'<tool_call>\s*\{\s*"name"')
_SHAPE = CallShape(
    before='<tool_call>\n{"name": "{name}", "arguments": ',
    after="}\n</tool_call>",
    between="\n",
    markers=(_OPEN, _CLOSE),
)


class Hermes(NativeFormat):
    """One JSON object per pair of tags."""

    name = "hermes"
    markers: tuple[str, ...] = (_OPEN, _CLOSE)

    def fits(self, template: ChatTemplate) -> bool:
        return _WRITTEN.search(template.habits.call_text) is not None

    def reader(self, tools: Sequence[Tool]) -> Mode:
        def content() -> Mode:
            return Content({_OPEN: call})

        def after() -> Mode:
            return Gap(skipped=(_CLOSE,), starts={_OPEN: lambda: call(_OPEN)}, otherwise=content)

        def call(raw: str) -> Mode:
            return JsonCall(raw, then=after, otherwise=content)

        return content()

    def rules(self, tools: Sequence[Tool], *, several: bool, terminal: Terminal) -> Rules:
        return json_rules(tools, _SHAPE, several=several, terminal=terminal)
