"""One streamed chat completion, with the time at which each piece of text arrived."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from bench.connection import Address, Connection

PATH = "/v1/chat/completions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Times are seconds of one clock."""

    started: float
    text_times: tuple[float, ...]
    ended: float
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int

    @property
    def first_token_s(self) -> float:
        return self.text_times[0] - self.started

    @property
    def gaps_s(self) -> list[float]:
        return [later - earlier for earlier, later in pairwise(self.text_times)]


def body_of(model: str, prompt: str, max_tokens: int) -> bytes:
    """A greedy, streamed request that asks for the token counts."""
    request = {
        "model": model,
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": max_tokens,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    return json.dumps(request).encode()


async def ask(address: Address, body: bytes, on_text: Callable[[], None] = lambda: None) -> Answer:
    """Send the request and read the answer to its end; parsing waits until then. Raises BadStatus, ValueError."""
    arrivals: list[tuple[float, bytes]] = []
    async with Connection(address) as connection:
        started = time.perf_counter()
        async for part in connection.stream("POST", PATH, body):
            arrivals.append((time.perf_counter(), part))
            on_text()
        ended = time.perf_counter()
    return read_answer(started, arrivals, ended)


def read_answer(started: float, arrivals: Sequence[tuple[float, bytes]], ended: float) -> Answer:
    """Make sense of the parts of an event stream. Raises ValueError for an error event or missing counts."""
    text_times: list[float] = []
    usage: dict[str, Any] | None = None
    buffer = b""
    for at, part in arrivals:
        *lines, buffer = (buffer + part).split(b"\n")
        for line in lines:
            data = line.removeprefix(b"data: ").strip()
            if data == line.strip() or data == b"[DONE]":
                continue  # a comment, an empty line or the end
            event = json.loads(data)
            if "error" in event:
                raise ValueError(f"the server ended the answer with {event['error']}")
            usage = event.get("usage") or usage
            if any(choice["delta"].get("content") for choice in event.get("choices", [])):
                text_times.append(at)
    if usage is None or not text_times:
        raise ValueError("the answer holds no text or no token counts")
    details = usage.get("prompt_tokens_details") or {}
    return Answer(
        started=started,
        text_times=tuple(text_times),
        ended=ended,
        prompt_tokens=usage["prompt_tokens"],
        completion_tokens=usage["completion_tokens"],
        cached_tokens=details.get("cached_tokens", 0),
    )
