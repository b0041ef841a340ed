"""A chat answer as one JSON document."""

from typing import Any

import orjson

from corral.app.openai.translation import AnswerHead
from corral.app.openai.usage import chat_logprobs, usage
from corral.engines.events import Done, Event, Finished, TextDelta, TokenLogprob, ToolCallDelta


class _Choice:
    def __init__(self) -> None:
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.logprobs: list[TokenLogprob] = []
        self.calls: dict[int, dict[str, Any]] = {}
        self.reason = "stop"
        self.stop: str | None = None

    def call(self, event: ToolCallDelta) -> None:
        call = self.calls.setdefault(
            event.call, {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        )
        call["id"] = event.id or call["id"]
        call["function"]["name"] = event.name or call["function"]["name"]
        call["function"]["arguments"] += event.arguments

    def message(self, *, functions: bool) -> dict[str, Any]:
        text = "".join(self.text)
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
        if self.reasoning:
            message["reasoning_content"] = "".join(self.reasoning)
        if self.calls:
            message["content"] = text or None
            calls = list(self.calls.values())
            message |= {"function_call": calls[0]["function"]} if functions else {"tool_calls": calls}
        return message


class ChatDocument:
    """Writer for one answer."""

    def __init__(
        self, head: AnswerHead, *, choices: int, functions: bool = False, logprobs: bool = False
    ) -> None:
        """`functions`: speak the deprecated form, `function_call` instead of `tool_calls`."""
        self._head = head
        self._functions = functions
        self._logprobs = logprobs
        self._choices = [_Choice() for _ in range(choices)]
        self._done = Done(prompt_tokens=0)

    def add(self, event: Event) -> None:
        if isinstance(event, TextDelta):
            choice = self._choices[event.index]
            (choice.reasoning if event.reasoning else choice.text).append(event.text)
            choice.logprobs += event.logprobs
        elif isinstance(event, ToolCallDelta):
            self._choices[event.index].call(event)
        elif isinstance(event, Finished):
            choice = self._choices[event.index]
            choice.reason, choice.stop = event.reason, event.stop
        elif isinstance(event, Done):
            self._done = event

    def document(self) -> bytes:
        return orjson.dumps(
            {
                "id": self._head.id,
                "object": "chat.completion",
                "created": self._head.created,
                "model": self._head.model,
                "choices": [self._choice(index, choice) for index, choice in enumerate(self._choices)],
                "usage": usage(self._done),
            }
        )

    def _choice(self, index: int, choice: _Choice) -> dict[str, Any]:
        logprobs = {"content": chat_logprobs(choice.logprobs), "refusal": None} if self._logprobs else None
        called = self._functions and choice.reason == "tool_calls"
        document = {
            "index": index,
            "message": choice.message(functions=self._functions),
            "logprobs": logprobs,
            "finish_reason": "function_call" if called else choice.reason,
        }
        return document if choice.stop is None else document | {"stop_reason": choice.stop}
