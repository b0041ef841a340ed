"""DeepSeek V3, R1, V3.1 and Kimi K2: a section of calls, each a name between control tokens and its JSON arguments."""
# ruff: noqa: RUF001 - DeepSeek writes its control tokens with full-width bars

import re
from collections.abc import Sequence
from dataclasses import dataclass

from corral.engines.llama.parser import Content, Mode
from corral.engines.llama.template import ChatTemplate
from corral.engines.llama.tools.calls import Gap, HeaderCall
from corral.engines.llama.tools.grammar import CallShape, Rules, Terminal, json_rules
from corral.engines.llama.tools.instructions import with_instructions
from corral.engines.requests import Message, Tool


@dataclass(frozen=True)
class Section:
    """One family's words."""

    open: str
    close: str
    call: str
    separator: str
    end: str
    header: str  # pattern between `call` and the `{` of the arguments
    shape: CallShape


def deepseek(*, fenced: bool) -> "Sections":
    """`fenced`: V3 and R1 write `function`, the name and a JSON code block; V3.1 the name and plain JSON."""
    open, close = "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"
    call, separator, end = "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"
    before = f"function{separator}{{name}}\n```json\n" if fenced else f"{{name}}{separator}"
    return Sections(
        "deepseek-r1" if fenced else "deepseek",
        Section(
            open=open,
            close=close,
            call=call,
            separator=separator,
            end=end,
            header=rf"\s*(?:function{separator})?\s*(?P<name>[\w.-]+)\s*(?:{separator})?\s*(?:```(?:json)?)?\s*",
            shape=CallShape(
                before=call + before,
                after=("\n```" if fenced else "") + end,
                between="\n" if fenced else "",
                opening=open,
                closing=close,
                markers=(open, close, call, separator, end),
            ),
        ),
    )


def kimi() -> "Sections":
    """The header is `functions.name:number`."""
    open, close = "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"
    call, separator, end = "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"
    return Sections(
        "kimi",
        Section(
            open=open,
            close=close,
            call=call,
            separator=separator,
            end=end,
            header=rf"\s*(?:functions\.)?(?P<name>[\w-]+)(?::\d+)?\s*{re.escape(separator)}\s*",
            shape=CallShape(
                before=f"{call}functions.{{name}}:0{separator}",
                after=end,
                opening=open,
                closing=close,
                markers=(open, close, call, separator, end),
            ),
        ),
    )


class Sections:
    """Calls inside of a section. DeepSeek's own templates write calls, but don't describe the tools."""

    def __init__(self, name: str, section: Section) -> None:
        self.name = name
        self.markers: tuple[str, ...] = section.shape.markers
        self._section = section
        self._header = re.compile(section.header)

    def fits(self, template: ChatTemplate) -> bool:
        section, written = self._section, template.habits.call_text
        at = written.find(section.open + section.call)
        if at < 0:
            return False
        start = at + len(section.open + section.call)
        return written[start:].startswith("function" + section.separator) == ("```" in section.shape.before)

    def reader(self, tools: Sequence[Tool]) -> Mode:
        words = self._section

        def content() -> Mode:
            return Content({words.open: opened, words.call: call})

        def opened(raw: str) -> Mode:
            return Gap(starts={words.call: lambda: call(raw + words.call)}, otherwise=content)

        def call(raw: str) -> Mode:
            return HeaderCall(raw, self._header, then=after, otherwise=content)

        def after() -> Mode:
            return Gap(
                skipped=("```", words.end, words.close),
                starts={words.call: lambda: call(words.call)},
                otherwise=content,
            )

        return content()

    def rules(self, tools: Sequence[Tool], *, several: bool, terminal: Terminal) -> Rules:
        return json_rules(tools, self._section.shape, several=several, terminal=terminal)

    def instruct(
        self, template: ChatTemplate, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> tuple[Sequence[Message], Sequence[Tool]]:
        if template.habits.supports_tools or not tools:
            return messages, tools
        return with_instructions(messages, tools, self._section.shape), ()
