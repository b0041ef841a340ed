"""gpt-oss (harmony): every message names its channel: analysis is reasoning, final is content, `to=functions.x` a call.

https://developers.openai.com/cookbook/articles/openai-harmony
"""

import re
from collections.abc import Sequence

from corral.engines.llama.json_scan import JsonScanner
from corral.engines.llama.parser import Markers, Mode, Sink
from corral.engines.llama.reasoning import ReasoningMarks
from corral.engines.llama.template import ChatTemplate
from corral.engines.llama.tools.format import NativeFormat
from corral.engines.llama.tools.grammar import CallShape, Rules, Terminal, json_rules
from corral.engines.requests import Tool

START, CHANNEL, MESSAGE, END = "<|start|>", "<|channel|>", "<|message|>", "<|end|>"
_CONSTRAIN, _CALL, _RETURN = "<|constrain|>", "<|call|>", "<|return|>"
CONTENT_LEAD = "<|channel|>final<|message|>"
REASONING = ReasoningMarks("<|channel|>analysis<|message|>", "<|end|><|start|>assistant")
_ENDINGS = (END, _CALL, _RETURN, START)
_HEADERS = (START, CHANNEL, MESSAGE, _CONSTRAIN, "assistant", "to=")  # what a header begins with
_RECIPIENT = re.compile(r"to=(?:functions\.)?([\w.-]+)")
_ANALYSIS = re.compile(r"<\|channel\|>\s*analysis\b")
_LONGEST_HEADER = 300  # characters
_SHAPE = CallShape(
    before="<|channel|>commentary to=functions.{name} <|constrain|>json<|message|>",
    between=None,
    markers=(CHANNEL, _CONSTRAIN, MESSAGE),
)


class Harmony(NativeFormat):
    """Also reads answers without tools: the channels are there always."""

    name = "harmony"
    markers: tuple[str, ...] = (START, CHANNEL, MESSAGE, END, _CONSTRAIN, _CALL, _RETURN)

    def fits(self, template: ChatTemplate) -> bool:
        return CHANNEL in template.source and MESSAGE in template.source and "analysis" in template.source

    def reader(self, tools: Sequence[Tool]) -> Mode:
        return _Header()

    def rules(self, tools: Sequence[Tool], *, several: bool, terminal: Terminal) -> Rules:
        return json_rules(tools, _SHAPE, several=several, terminal=terminal)


class _Header:
    """From the end of one message to the `<|message|>` of the next; without one it is content."""

    reasoning = False

    def read(self, text: str, sink: Sink, last: bool) -> tuple[str, Mode | None]:
        shown = text.lstrip()
        if not shown:
            return text, None
        if not any(shown.startswith(word) or (not last and word.startswith(shown)) for word in _HEADERS):
            return text, _Body(reasoning=False)
        end = text.find(MESSAGE, 0, _LONGEST_HEADER)
        if end < 0:
            waits = len(text) < _LONGEST_HEADER and not last
            return text, None if waits else _Body(reasoning=False)
        header = text[:end]
        text = text[end + len(MESSAGE) :]
        if recipient := _RECIPIENT.search(header):
            return text, _Arguments(recipient[1])
        return text, _Body(reasoning=_ANALYSIS.search(header) is not None)


class _Body:
    """One message's text."""

    _endings = Markers(_ENDINGS)

    def __init__(self, *, reasoning: bool) -> None:
        self.reasoning = reasoning

    def read(self, text: str, sink: Sink, last: bool) -> tuple[str, Mode | None]:
        give = sink.reasoning if self.reasoning else sink.text
        if found := self._endings.find(text):
            start, end, _ = found
            give(text[:start])
            return text[end:], _Header()
        kept = 0 if last else self._endings.undecided(text)
        give(text[: len(text) - kept])
        return text[len(text) - kept :], None


class _Arguments:
    """One call's arguments; what isn't JSON is content."""

    reasoning = False

    def __init__(self, name: str) -> None:
        self._name = name
        self._value: JsonScanner | None = None

    def read(self, text: str, sink: Sink, last: bool) -> tuple[str, Mode | None]:
        if self._value is None:
            text = text.lstrip()
            if not text:
                return text, None
            if text[0] != "{":
                return text, _Body(reasoning=False)
            sink.start_call(self._name)
            self._value = JsonScanner()
        at, read = self._value.scan(text)
        sink.arguments(read)
        ended = self._value.done or self._value.broken
        return text[at:], _Body(reasoning=False) if ended else None
