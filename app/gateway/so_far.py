"""What a broken stream has said until it broke, and the request that lets another endpoint go on with it. Pure.

The rules are strict: an answer goes on only where text alone says all about it. Not with several choices, logprobs,
a format that has to be kept, reasoning or a tool call that has begun.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from corral.engines.events import Done

CHAT, COMPLETION = "/v1/chat/completions", "/v1/completions"
CONTINUED = frozenset({CHAT, COMPLETION})  # routes whose streams may go on
_NOT_FORCED = (None, "none", "auto")
_FORMATS = ("grammar", "guided_json", "guided_regex", "guided_choice", "guided_grammar", "structured_outputs")
_HEAD = ("id", "created", "model", "system_fingerprint")
_PLAIN = ("role", "content", "refusal")  # of a delta; whatever else has a value can't go on

Json = Mapping[str, Any]


@dataclass(slots=True)
class SoFar:
    """Read from the events that the client got."""

    head: dict[str, Any] = field(default_factory=dict)  # what each of its events repeats
    text: str = ""
    pieces: int = 0  # events with text: about its tokens
    began: bool = False  # the role was said
    finished: bool = False  # the reason why it ended was said
    usage: bool = False
    strange: bool = False  # it said more than text


def so_far(data: bytes) -> SoFar:
    """Of all events of one stream; an error event doesn't count."""
    said, texts = SoFar(), []
    for chunk in chunks(data):
        for name in _HEAD:
            if name in chunk:
                said.head.setdefault(name, chunk[name])
        said.usage = said.usage or bool(chunk.get("usage"))
        for choice in chunk.get("choices") or ():
            if not isinstance(choice, dict) or choice.get("index"):
                said.strange = True
                continue
            said.finished = said.finished or bool(choice.get("finish_reason"))
            delta = choice.get("delta") or {}
            said.began = said.began or bool(delta.get("role"))
            said.strange = said.strange or any(value for name, value in delta.items() if name not in _PLAIN)
            if text := text_of(choice):
                texts.append(text)
                said.pieces += 1
    said.text = "".join(texts)
    return said


def chunks(data: bytes) -> Iterator[dict[str, Any]]:
    """The JSON objects of server-sent events, without errors."""
    for line in data.splitlines():
        if not line.startswith(b"data:"):
            continue
        try:
            chunk = orjson.loads(line[5:])
        except orjson.JSONDecodeError:
            continue  # [DONE]
        if isinstance(chunk, dict) and "error" not in chunk:
            yield chunk


def text_of(choice: Json) -> str:
    """Of one choice of an event, of a chat or a completion."""
    delta = choice.get("delta")
    text = delta.get("content") if isinstance(delta, dict) else choice.get("text")
    return text if isinstance(text, str) else ""


def may_go_on(path: str, json: Json) -> bool:
    """Whether the answer to a request can be continued at all, once it has text."""
    if path not in (CHAT, COMPLETION) or json.get("stream") is not True:
        return False
    if json.get("n") not in (None, 1) or json.get("logprobs") or any(json.get(each) for each in _FORMATS):
        return False
    wanted = json.get("response_format")
    if isinstance(wanted, dict) and wanted.get("type") != "text":
        return False
    if path == COMPLETION:
        plain = isinstance(json.get("prompt"), str) and not json.get("echo") and not json.get("suffix")
        return plain and isinstance(json.get("max_tokens"), int)  # else it would have another limit elsewhere
    messages = json.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    if not isinstance(last, dict) or json.get("tool_choice") not in _NOT_FORCED or json.get("function_call"):
        return False
    if last.get("role") != "assistant":
        return True
    return json.get("continue_final_message") is True and isinstance(last.get("content"), str)


def tokens_left(json: Json, said: SoFar) -> int | None:
    """How many more may be generated; None: any number."""
    limits = (json.get("max_completion_tokens"), json.get("max_tokens"))
    limit = next((each for each in limits if isinstance(each, int) and each), None)
    return None if limit is None else limit - said.pieces


def going_on(path: str, json: Json, said: SoFar) -> dict[str, Any]:
    """The body of the request that goes on; the same again if nothing was said."""
    again = dict(json)
    if not said.text:
        return again
    if path == COMPLETION:
        again["prompt"] = f"{json['prompt']}{said.text}"
    else:
        messages = list(json["messages"])
        before = messages.pop()["content"] if messages[-1].get("role") == "assistant" else ""
        again["messages"] = [*messages, {"role": "assistant", "content": before + said.text}]
        again |= {"continue_final_message": True, "add_generation_prompt": False}
    left = tokens_left(json, said)
    for name in ("max_completion_tokens", "max_tokens"):
        if left is not None and isinstance(json.get(name), int):
            again[name] = left
    return again


def in_all(first: Done, said: SoFar, second: Done) -> Done:
    """What the whole answer took. `first`: of the broken stream, as far as its endpoint told."""
    prompt = first.prompt_tokens or max(0, second.prompt_tokens - said.pieces)
    known = said.text and 0 < first.prompt_tokens < second.prompt_tokens
    generated = second.prompt_tokens - prompt if known else said.pieces
    return Done(
        prompt_tokens=prompt,
        completion_tokens=generated + second.completion_tokens,
        cached_tokens=min(first.cached_tokens, prompt),
        reasoning_tokens=second.reasoning_tokens,
    )
