"""A plain completion's answer: as server-sent events and as one JSON document."""

from typing import Any

import orjson

from corral.app.openai import sse
from corral.app.openai.translation import AnswerHead
from corral.app.openai.usage import bounded, usage
from corral.engines.events import Done, Event, Finished, TextDelta

Lists = dict[str, list[Any]]


class LegacyLogprobs:
    """The four parallel lists of the old format; offsets count characters of the choice's text."""

    def __init__(self) -> None:
        self._offset = 0

    def take(self, delta: TextDelta) -> Lists:
        """The lists for the next tokens of this choice."""
        lists: Lists = {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []}
        if self._offset == 0 and (start := _start_without_probability(delta)):
            self._add(lists, start, None, None)
        for token in delta.logprobs:
            top = {other.token: bounded(other.logprob) for other in token.top}
            self._add(lists, token.token, bounded(token.logprob), top)
        return lists

    def _add(self, lists: Lists, token: str, logprob: float | None, top: dict[str, float] | None) -> None:
        for name, value in zip(lists, (token, logprob, top, self._offset), strict=True):
            lists[name].append(value)
        self._offset += len(token)


def _start_without_probability(delta: TextDelta) -> str:
    """An echoed prompt's first token follows nothing, so it has no probability; engines leave it out."""
    scored = b"".join(token.data for token in delta.logprobs)
    text = delta.text.encode()
    return text[: len(text) - len(scored)].decode("utf-8", "replace") if text.endswith(scored) else ""


class CompletionStream:
    """Writer for one answer."""

    def __init__(self, head: AnswerHead, *, choices: int, include_usage: bool = False) -> None:
        self._head = b"data: " + orjson.dumps(_head(head))[:-1] + b',"choices":['
        self._tail = b'],"usage":null}\n\n' if include_usage else b"]}\n\n"
        self._plain_end = b',"logprobs":null,"finish_reason":null}' + self._tail
        self._include_usage = include_usage
        self._logprobs = [LegacyLogprobs() for _ in range(choices)]

    def write(self, event: Event) -> bytes:
        if type(event) is TextDelta:
            if event.logprobs:
                return self._chunk(event.index, event.text, logprobs=self._logprobs[event.index].take(event))
            before = self._head + b'{"index":%d,"text":' % event.index
            return before + orjson.dumps(event.text) + self._plain_end if event.text else b""
        if type(event) is Finished:
            return self._chunk(event.index, "", finish_reason=event.reason)
        if type(event) is not Done:
            return b""
        if not self._include_usage:
            return sse.DONE
        return self._head + b'],"usage":' + orjson.dumps(usage(event)) + b"}\n\n" + sse.DONE

    def _chunk(
        self,
        index: int,
        text: str,
        *,
        logprobs: dict[str, Any] | None = None,
        finish_reason: str | None = None,
    ) -> bytes:
        choice = {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish_reason}
        return self._head + orjson.dumps(choice) + self._tail


class _Choice:
    def __init__(self) -> None:
        self.deltas: list[TextDelta] = []
        self.reason = "stop"

    def document(self, index: int, *, logprobs: bool) -> dict[str, Any]:
        return {
            "index": index,
            "text": "".join(delta.text for delta in self.deltas),
            "logprobs": self._logprobs() if logprobs else None,
            "finish_reason": self.reason,
        }

    def _logprobs(self) -> Lists:
        legacy = LegacyLogprobs()
        parts = [legacy.take(delta) for delta in self.deltas if delta.logprobs]
        names = legacy.take(TextDelta(index=0, text=""))
        return {name: [value for part in parts for value in part[name]] for name in names}


class CompletionDocument:
    """Writer for one answer."""

    def __init__(self, head: AnswerHead, *, choices: int, logprobs: bool = False) -> None:
        self._head = head
        self._wants_logprobs = logprobs
        self._choices = [_Choice() for _ in range(choices)]
        self._done = Done(prompt_tokens=0)

    def add(self, event: Event) -> None:
        if isinstance(event, TextDelta):
            self._choices[event.index].deltas.append(event)
        elif isinstance(event, Finished):
            self._choices[event.index].reason = event.reason
        elif isinstance(event, Done):
            self._done = event

    def document(self) -> bytes:
        choices = [
            choice.document(index, logprobs=self._wants_logprobs)
            for index, choice in enumerate(self._choices)
        ]
        return orjson.dumps({**_head(self._head), "choices": choices, "usage": usage(self._done)})


def _head(head: AnswerHead) -> dict[str, Any]:
    return {"id": head.id, "object": "text_completion", "created": head.created, "model": head.model}
