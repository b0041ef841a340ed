"""Chat completion chunks become the events and the document of a response. Pure, but for the ids it draws."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from corral.app.openai.responses.request import ResponseRequest

Document = dict[str, Any]
ServerEvent = dict[str, Any]  # has `type` and `sequence_number`

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


def new_id(prefix: str) -> str:
    """E.g. `resp_` + 48 hexadecimal digits."""
    return f"{prefix}_{secrets.token_hex(24)}"


class ResponseBuilder:
    """Feed it the chunks of one chat completion; it keeps `document` as GET would show it at each moment."""

    def __init__(
        self, request: ResponseRequest, *, now: Callable[[], float], make_id: Callable[[str], str] = new_id
    ):
        self._now = now
        self._make_id = make_id
        self._number = 0
        self._item: dict[str, Any] | None = None  # the open output item
        self._call: int | None = None  # which chat tool call it is
        self._reason: str | None = None
        self.document = _empty_document(request, id=make_id("resp"), created_at=int(now()))

    def start(self) -> list[ServerEvent]:
        return [
            self._event("response.created", response=self._snapshot()),
            self._event("response.in_progress", response=self._snapshot()),
        ]

    def feed(self, chunk: Mapping[str, Any]) -> list[ServerEvent]:
        """The events of one `chat.completion.chunk`."""
        if chunk.get("usage"):
            self.document["usage"] = _usage(chunk["usage"])
        events: list[ServerEvent] = []
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            if text := delta.get("reasoning_content") or delta.get("reasoning"):
                events += self._reasoning(text)
            if text := delta.get("content"):
                events += self._text(text, _logprobs(choice))
            for call in delta.get("tool_calls") or ():
                events += self._tool_call(call)
            self._reason = choice.get("finish_reason") or self._reason
        return events

    def finish(self) -> list[ServerEvent]:
        """The stream ended well."""
        reason = _INCOMPLETE.get(self._reason or "")
        events = self._close("incomplete" if reason else "completed")
        self.document["completed_at"] = int(self._now())
        if reason:
            self.document |= {"status": "incomplete", "incomplete_details": {"reason": reason}}
            return [*events, self._event("response.incomplete", response=self._snapshot())]
        self.document["status"] = "completed"
        return [*events, self._event("response.completed", response=self._snapshot())]

    def fail(self, error: Mapping[str, Any]) -> list[ServerEvent]:
        """The stream ended with OpenAI's error object `error`."""
        events = self._close("incomplete")
        code = "rate_limit_exceeded" if error.get("type") == "rate_limit_error" else "server_error"
        self.document |= {
            "status": "failed",
            "error": {"code": code, "message": str(error.get("message", ""))},
        }
        return [*events, self._event("response.failed", response=self._snapshot())]

    def _text(self, text: str, logprobs: list[dict[str, Any]]) -> list[ServerEvent]:
        events = self._open_message() if self._type != "message" else []
        part = self._open["content"][0]
        part["text"] += text
        part["logprobs"] += logprobs
        place = self._place(content_index=0)
        return [*events, self._event("response.output_text.delta", **place, delta=text, logprobs=logprobs)]

    def _reasoning(self, text: str) -> list[ServerEvent]:
        events: list[ServerEvent] = []
        if self._type != "reasoning":
            content = {"type": "reasoning_text", "text": ""}
            item = {
                "id": self._make_id("rs"),
                "type": "reasoning",
                "summary": [],
                "content": [],
                "status": "in_progress",
            }
            events = [*self._add(item), *self._add_part(content)]
        self._open["content"][0]["text"] += text
        return [
            *events,
            self._event("response.reasoning_text.delta", **self._place(content_index=0), delta=text),
        ]

    def _tool_call(self, call: Mapping[str, Any]) -> list[ServerEvent]:
        function = call.get("function") or {}
        events: list[ServerEvent] = []
        if self._type != "function_call" or self._call != call.get("index"):
            item = {
                "id": self._make_id("fc"),
                "type": "function_call",
                "call_id": call.get("id") or self._make_id("call"),
                "name": function.get("name") or "",
                "arguments": "",
                "status": "in_progress",
            }
            events = self._add(item)
            self._call = call.get("index")
        if arguments := function.get("arguments"):
            self._open["arguments"] += arguments
            events.append(
                self._event("response.function_call_arguments.delta", **self._place(), delta=arguments)
            )
        return events

    def _open_message(self) -> list[ServerEvent]:
        item = {
            "id": self._make_id("msg"),
            "type": "message",
            "role": "assistant",
            "content": [],
            "status": "in_progress",
        }
        part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        return [*self._add(item), *self._add_part(part)]

    def _add(self, item: dict[str, Any]) -> list[ServerEvent]:
        """Close the open item and open another."""
        events = self._close("completed")
        self._item = item
        self.document["output"].append(item)
        return [
            *events,
            self._event("response.output_item.added", output_index=self._output_index, item=_copy(item)),
        ]

    def _add_part(self, part: dict[str, Any]) -> list[ServerEvent]:
        self._open["content"].append(part)
        return [self._event("response.content_part.added", **self._place(content_index=0), part=_copy(part))]

    def _close(self, status: str) -> list[ServerEvent]:
        """The closing events of the open item, if there is one."""
        if self._item is None:
            return []
        item = self._item
        events = list(self._part_done(item))
        item["status"] = status
        events.append(
            self._event("response.output_item.done", output_index=self._output_index, item=_copy(item))
        )
        self._item = self._call = None
        return events

    def _part_done(self, item: dict[str, Any]) -> list[ServerEvent]:
        if item["type"] == "function_call":
            place = self._place() | {"arguments": item["arguments"], "name": item["name"]}
            return [self._event("response.function_call_arguments.done", **place)]
        part, place = item["content"][0], self._place(content_index=0)
        if item["type"] == "reasoning":
            done = self._event("response.reasoning_text.done", **place, text=part["text"])
        else:
            done = self._event(
                "response.output_text.done", **place, text=part["text"], logprobs=part["logprobs"]
            )
        return [done, self._event("response.content_part.done", **place, part=_copy(part))]

    @property
    def _type(self) -> str | None:
        return None if self._item is None else str(self._item["type"])

    @property
    def _open(self) -> dict[str, Any]:
        assert self._item is not None
        return self._item

    @property
    def _output_index(self) -> int:
        return len(self.document["output"]) - 1

    def _place(self, **more: int) -> dict[str, Any]:
        return {"item_id": self._open["id"], "output_index": self._output_index, **more}

    def _event(self, type: str, **fields: Any) -> ServerEvent:
        event = {"type": type, "sequence_number": self._number, **fields}
        self._number += 1
        return event

    def _snapshot(self) -> Document:
        return {**self.document, "output": [_copy(item) for item in self.document["output"]]}


def _empty_document(request: ResponseRequest, *, id: str, created_at: int) -> Document:
    given = request.model_dump(mode="json", by_alias=True)
    return {
        "id": id,
        "object": "response",
        "created_at": created_at,
        "completed_at": None,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "metadata": request.metadata or {},
        "model": request.model,
        "output": [],
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": request.previous_response_id,
        "reasoning": given["reasoning"] or {"effort": None, "summary": None},
        "store": request.store is not False,
        "temperature": request.temperature,
        "text": given["text"] or {"format": {"type": "text"}},
        "tool_choice": request.tool_choice or "auto",
        "tools": [{"strict": None, "parameters": None, **tool} for tool in request.tools or ()],
        "top_logprobs": request.top_logprobs,
        "top_p": request.top_p,
        "truncation": request.truncation or "disabled",
        "usage": None,
        "user": request.user,
    }


def _usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    prompt, completion = (
        usage.get("prompt_tokens_details") or {},
        usage.get("completion_tokens_details") or {},
    )
    return {
        "input_tokens": usage["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": prompt.get("cached_tokens", 0), "cache_write_tokens": 0},
        "output_tokens": usage["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": completion.get("reasoning_tokens", 0)},
        "total_tokens": usage["total_tokens"],
    }


def _logprobs(choice: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list((choice.get("logprobs") or {}).get("content") or ())


def _copy(item: dict[str, Any]) -> dict[str, Any]:
    """A snapshot: items keep growing while the stream goes on."""
    copy = dict(item)
    if "content" in copy:
        copy["content"] = [dict(part) for part in copy["content"]]
    return copy
