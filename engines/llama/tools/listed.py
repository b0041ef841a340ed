"""Families whose calls are JSON objects in a list, or alone, behind a marker: Nemotron, Apriel, Command R7B, GigaChat, …"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from corral.engines.llama.parser import Content, Mode
from corral.engines.llama.template import ChatTemplate
from corral.engines.llama.tools.calls import Gap, JsonCall
from corral.engines.llama.tools.format import NativeFormat
from corral.engines.llama.tools.grammar import CallShape, Rules, Terminal, json_rules
from corral.engines.requests import Tool

_NAME = '{"name": "{name}", "arguments": '


@dataclass(frozen=True)
class Listing:
    """One family's markers and what stands between them and the calls."""

    name: str
    open: str
    close: str = ""
    start: str = "["
    between: str | None = ", "
    end: str = "]"
    call: str = _NAME

    @property
    def shape(self) -> CallShape:
        """What a grammar writes."""
        return CallShape(
            before=self.call,
            after="}",
            between=self.between,
            opening=self.open + self.start,
            closing=self.end + self.close,
            markers=tuple(marker for marker in (self.open, self.close) if marker),
        )


LISTINGS = (
    Listing("nemotron", "<TOOLCALL>", "</TOOLCALL>"),
    Listing("apriel", "<tool_calls>", "</tool_calls>"),
    Listing("minimax-m1", "<tool_calls>", "</tool_calls>", start="\n", between="\n", end="\n"),
    Listing("functools", "functools"),
    Listing("gigachat", "<|function_call|>", start="", between=None, end=""),
    Listing(
        "command-r",
        "<|START_ACTION|>",
        "<|END_ACTION|>",
        start="[\n    ",
        between=",\n    ",
        end="\n]",
        call='{"tool_call_id": "0", "tool_name": "{name}", "parameters": ',
    ),
)


class Listed(NativeFormat):
    """Reads lists and single objects alike."""

    def __init__(self, listing: Listing) -> None:
        self.name = listing.name
        self.markers: tuple[str, ...] = listing.shape.markers
        self._listing = listing
        bracket = r"\[\s*" if "[" in listing.start else ""
        self._written = re.compile(rf'{re.escape(listing.open)}\s*{bracket}\{{\s*"(?:name|tool_call_id)"')

    def fits(self, template: ChatTemplate) -> bool:
        return self._written.search(template.habits.call_text) is not None

    def reader(self, tools: Sequence[Tool]) -> Mode:
        listing = self._listing

        def content() -> Mode:
            return Content({listing.open: opened})

        def opened(raw: str) -> Mode:
            return Gap(starts={"[": lambda: call(raw + "[")}, otherwise=lambda: call(raw))

        def call(raw: str) -> Mode:
            return JsonCall(raw, then=after, otherwise=content)

        def after() -> Mode:
            skipped = ("]", listing.close) if listing.close else ("]",)
            starts = {
                ",": lambda: call(","),
                "{": lambda: call("{"),
                listing.open: lambda: opened(listing.open),
            }
            return Gap(skipped=skipped, starts=starts, otherwise=content)

        return content()

    def rules(self, tools: Sequence[Tool], *, several: bool, terminal: Terminal) -> Rules:
        return json_rules(tools, self._listing.shape, several=several, terminal=terminal)
