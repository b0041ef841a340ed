"""Clients of a gateway: at a rate that nothing slows down (open loop), or each one request after the other (closed loop).

Only answers that are 200 and say what the upstream said count; anything else is an error.
"""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.connection import Address, BadStatus, Connection
from bench.instant_upstream import EVENTS, INSTANT, SLOW, WORD

PATH = "/v1/chat/completions"
RATE = 200.0  # requests per second
STREAMED_EVERY = 4  # one of so many requests is a stream
_TEXT = WORD * EVENTS
_TIMEOUT_S = 30.0


class WrongAnswer(Exception):
    """A 200 that doesn't say what the upstream said."""


def chat(model: str, *, stream: bool) -> bytes:
    """The body of a request, with a prompt of about 200 tokens."""
    messages = [
        {"role": "system", "content": "You are brief."},
        {"role": "user", "content": "lorem ipsum " * 64},
    ]
    return json.dumps({"model": model, "messages": messages, "stream": stream, "max_tokens": EVENTS}).encode()


def check_document(body: bytes) -> None:
    """Raises WrongAnswer."""
    try:
        text = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError) as error:
        raise WrongAnswer(body[:300]) from error
    if text != _TEXT:
        raise WrongAnswer(body[:300])


def check_stream(body: bytes) -> None:
    """Raises WrongAnswer."""
    events = [line[5:].strip() for line in body.split(b"\n") if line.startswith(b"data:")]
    if not events or events[-1] != b"[DONE]":
        raise WrongAnswer(body[-300:])
    chunks = [json.loads(event) for event in events[:-1]]
    choices = [choice for chunk in chunks for choice in chunk.get("choices", ())]
    if "".join(choice["delta"].get("content") or "" for choice in choices) != _TEXT:
        raise WrongAnswer(body[:300])


@dataclass(slots=True)
class Latencies:
    """Of one run, in seconds from the time that a request was due. `first`: of the first event of each stream."""

    whole: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)  # of whole streams
    errors: int = 0

    def add(self, other: "Latencies") -> None:
        """Pool with another run."""
        self.whole += other.whole
        self.first += other.first
        self.last += other.last
        self.errors += other.errors


async def open_loop(address: Address, *, seconds: float, rate: float = RATE, seed: int = 0) -> Latencies:
    """Requests come at random (Poisson), whatever became of those before. Connections are kept and used again."""
    drawn, found = random.Random(seed), Latencies()
    idle: list[Connection] = []
    tasks: set[asyncio.Task[None]] = set()
    clock = time.perf_counter
    due = began = clock()
    number = 0
    while due < began + seconds:
        await asyncio.sleep(max(0.0, due - clock()))
        number += 1
        task = asyncio.create_task(_one(address, idle, found, due, stream=number % STREAMED_EVERY == 0))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        due += drawn.expovariate(rate)
    await asyncio.gather(*tasks)
    for connection in idle:
        await connection.__aexit__(None, None, None)
    return found


_BODIES = {stream: chat(SLOW, stream=stream) for stream in (False, True)}


async def _one(
    address: Address, idle: list[Connection], found: Latencies, due: float, *, stream: bool
) -> None:
    connection = idle.pop() if idle else await Connection(address).__aenter__()
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            first, pieces = 0.0, []
            async for piece in connection.stream("POST", PATH, _BODIES[stream]):
                first = first or time.perf_counter() - due
                pieces.append(piece)
        took = time.perf_counter() - due
        (check_stream if stream else check_document)(b"".join(pieces))
    except (BadStatus, WrongAnswer, OSError, asyncio.IncompleteReadError, TimeoutError):
        found.errors += 1
        await connection.__aexit__(None, None, None)
        return
    idle.append(connection)
    if stream:
        found.first.append(first)
        found.last.append(took)
    else:
        found.whole.append(took)


@dataclass(frozen=True, slots=True)
class Rate:
    """What came of a closed loop."""

    requests_per_s: float
    errors: int


async def closed_loop(address: Address, *, clients: int, seconds: float, stream: bool = False) -> Rate:
    """Each client asks again as soon as its answer is complete and right."""
    body, check = chat(INSTANT, stream=stream), check_stream if stream else check_document
    counts: list[int] = []
    errors: list[int] = []
    ends = time.perf_counter() + seconds
    began = time.perf_counter()

    async def client() -> None:
        right = wrong = 0
        seen: bytes | None = None  # the same bytes need not be parsed again
        while time.perf_counter() < ends:
            try:
                async with Connection(address) as connection:
                    while time.perf_counter() < ends:
                        answer = await connection.read("POST", PATH, body)
                        if answer != seen:
                            check(answer)
                            seen = answer
                        right += 1
            except (BadStatus, WrongAnswer, OSError, asyncio.IncompleteReadError):
                wrong += 1
        counts.append(right)
        errors.append(wrong)

    await asyncio.gather(*(client() for _ in range(clients)))
    return Rate(sum(counts) / (time.perf_counter() - began), sum(errors))


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which so much of them lies, e.g. 0.99."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
