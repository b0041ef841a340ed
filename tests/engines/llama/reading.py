"""What an output parser makes of a text, however it is cut."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from corral.engines.llama.parser import (
    Mode,
    OutputParser,
    Piece,
    ReasoningText,
    Text,
    ToolCallArguments,
    ToolCallStart,
)
from corral.engines.requests import Tool

TOOLS = (
    Tool(
        name="get_weather",
        description="The weather of a city",
        parameters={
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Oslo", "Rome"]}, "days": {"type": "integer"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    ),
    Tool(name="get_time"),
)


@dataclass
class Answer:
    """All pieces, joined."""

    content: str = ""
    reasoning: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)  # name, arguments

    def add(self, piece: Piece) -> None:
        match piece:
            case Text(text):
                self.content += text
            case ReasoningText(text):
                self.reasoning += text
            case ToolCallStart(call, id, name):
                assert call == len(self.calls) and id == f"call_{call}"
                self.calls.append((name, ""))
            case ToolCallArguments(call, text):
                name, before = self.calls[call]
                self.calls[call] = (name, before + text)


def read(mode: Mode, texts: Iterable[str], *, most_calls: int | None = None) -> Answer:
    """Feed these texts one by one."""
    ids = itertools.count()
    parser = OutputParser(mode, new_id=lambda: f"call_{next(ids)}", most_calls=most_calls)
    answer = Answer()
    for text in texts:
        for piece in parser.feed(text):
            answer.add(piece)
    for piece in parser.finish():
        answer.add(piece)
    return answer


def cut(text: str, at: Sequence[int]) -> list[str]:
    """The text in pieces."""
    bounds = [0, *sorted({place for place in at if 0 < place < len(text)}), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(bounds)]
