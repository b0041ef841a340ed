"""Llama 3.x: a bare `{"name": …, "parameters": …}` as the whole answer, at times after `<|python_tag|>`."""

import re
from collections.abc import Sequence

from corral.engines.llama.parser import Beginning, Content, Mode
from corral.engines.llama.template import ChatTemplate
from corral.engines.llama.tools.calls import Gap, JsonCall
from corral.engines.llama.tools.format import NativeFormat
from corral.engines.llama.tools.grammar import CallShape, Rules, Terminal, json_rules
from corral.engines.requests import Tool

_TAG = "<|python_tag|>"
_WRITTEN = re.compile(r'(?:^|\n|>)\s*\{\s*"name": "[^"]*",\s*"parameters"')
_SHAPE = CallShape(before='{"name": "{name}", "parameters": ', after="}", between=None)


class Llama3(NativeFormat):
    """Only calls of known tools count, since an answer may be JSON, too."""

    name = "llama3"
    markers: tuple[str, ...] = (_TAG,)

    def fits(self, template: ChatTemplate) -> bool:
        return _WRITTEN.search(template.habits.call_text) is not None

    def reader(self, tools: Sequence[Tool]) -> Mode:
        names = frozenset(tool.name for tool in tools)

        def content() -> Mode:
            return Content({_TAG: call})

        def after() -> Mode:
            return Gap(
                skipped=(";",), starts={"{": lambda: call("{"), _TAG: lambda: call(_TAG)}, otherwise=content
            )

        def call(raw: str) -> Mode:
            return JsonCall(raw, then=after, otherwise=content, names=names)

        return Beginning({"{": call, _TAG: call}, content)

    def rules(self, tools: Sequence[Tool], *, several: bool, terminal: Terminal) -> Rules:
        return json_rules(tools, _SHAPE, several=several, terminal=terminal)
