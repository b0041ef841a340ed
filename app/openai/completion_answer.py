"""A plain completion's answer: as server-sent events and as one JSON document."""

from collections.abc import Iterable
from typing import Any

import orjson

from corral.app.openai import sse
from corral.app.openai.translation import AnswerHead
from corral.app.openai.usage import bounded, usage
from corral.engines.events import Done, Event, Finished, TextDelta, TokenLogprob


class LegacyLogprobs:
    """The four parallel lists of the old format; offsets count characters of the choice's text."""

    def __init__(self) -> None:
        self._offset = 0

    def take(self, tokens: Iterable[TokenLogprob]) -> dict[str, list[Any]]:
        """The lists for the next tokens of this choice."""
        lists: dict[str, list[Any]] = {
            "tokens": [],
            "token_logprobs": [],
            "top_logprobs": [],
            "text_offset": [],
        }
        for token in tokens:
            lists["tokens"].append(token.token)
            lists["token_logprobs"].append(bounded(token.logprob))
            lists["top_logprobs"].append({other.token: bounded(other.logprob) for other in token.top})
            lists["text_offset"].append(self._offset)
            self._offset += len(token.token)
        return lists


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
                return self._chunk(
                    event.index, event.text, logprobs=self._logprobs[event.index].take(event.logprobs)
                )
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
        self.text: list[str] = []
        self.logprobs: list[TokenLogprob] = []
        self.reason = "stop"

    def document(self, index: int, *, logprobs: bool) -> dict[str, Any]:
        return {
            "index": index,
            "text": "".join(self.text),
            "logprobs": LegacyLogprobs().take(self.logprobs) if logprobs else None,
            "finish_reason": self.reason,
        }


class CompletionDocument:
    """Writer for one answer."""

    def __init__(self, head: AnswerHead, *, choices: int, logprobs: bool = False) -> None:
        self._head = head
        self._wants_logprobs = logprobs
        self._choices = [_Choice() for _ in range(choices)]
        self._done = Done(prompt_tokens=0)

    def add(self, event: Event) -> None:
        if isinstance(event, TextDelta):
            self._choices[event.index].text.append(event.text)
            self._choices[event.index].logprobs += event.logprobs
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
