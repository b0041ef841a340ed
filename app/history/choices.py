"""The choices of an answer while they are put together."""

from typing import Any


class _Call:
    def __init__(self) -> None:
        self.name: str | None = None
        self.arguments: list[str] = []


class _Choice:
    def __init__(self) -> None:
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.calls: dict[int, _Call] = {}
        self.reason: str | None = None


class Choices:
    """Takes the pieces in the order in which they came."""

    def __init__(self) -> None:
        self._choices: dict[int, _Choice] = {}

    def text(self, index: int, text: str, *, reasoning: bool) -> None:
        """A piece of text."""
        choice = self._choice(index)
        (choice.reasoning if reasoning else choice.text).append(text)

    def tool_call(self, index: int, number: int, *, name: str | None, arguments: str) -> None:
        """A piece of the arguments of a tool call; the first piece has the name."""
        call = self._choice(index).calls.setdefault(number, _Call())
        call.name = name or call.name
        call.arguments.append(arguments)

    def finished(self, index: int, reason: str) -> None:
        """Why a choice ended."""
        self._choice(index).reason = reason

    def document(self) -> dict[str, Any]:
        """As the answer that isn't streamed would look."""
        return {"choices": [_document(index, choice) for index, choice in sorted(self._choices.items())]}

    def _choice(self, index: int) -> _Choice:
        found = self._choices.get(index)
        if found is None:  # made once: a long answer comes in thousands of pieces
            found = self._choices[index] = _Choice()
        return found


def choice_document(index: int, text: str, reason: str | None) -> dict[str, Any]:
    """Of a choice that is a text."""
    return {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": reason}


def _document(index: int, choice: _Choice) -> dict[str, Any]:
    document = choice_document(index, "".join(choice.text), choice.reason)
    message = document["message"]
    if choice.reasoning:
        message["reasoning_content"] = "".join(choice.reasoning)
    if choice.calls:
        message["tool_calls"] = [
            {"type": "function", "function": {"name": call.name, "arguments": "".join(call.arguments)}}
            for _, call in sorted(choice.calls.items())
        ]
    return document
