"""What is measured. Every scenario gets a number that makes its prompts its own."""

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bench import prompts
from bench.chat import Answer, ask, body_of
from bench.servers import Server

SHARED_TOKENS = 1000
RUNNING_STREAMS = 8
_STREAMS_SEEN = 5  # pieces of text of each running stream before the long prompt is sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """Several clients at once, one answer each."""

    tokens_per_s: float
    tokens: int
    gaps_s: tuple[float, ...]
    first_token_s: float  # median over the clients


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """Running streams while a long prompt is read."""

    longest_gap_s: float
    long_first_token_s: float
    long_prompt_tokens: int


async def throughput(server: Server, number: int, clients: int, max_tokens: int) -> Throughput:
    """Generated tokens per second of wall time."""
    bodies = [body_of(server.model, prompts.story(number * 100 + n), max_tokens) for n in range(clients)]
    answers = await asyncio.gather(*(ask(server.address, body) for body in bodies))
    tokens = sum(answer.completion_tokens for answer in answers)
    return Throughput(
        tokens_per_s=tokens / _wall_s(answers),
        tokens=tokens,
        gaps_s=tuple(gap for answer in answers for gap in answer.gaps_s),
        first_token_s=statistics.median(answer.first_token_s for answer in answers),
    )


async def first_token(server: Server, number: int, *, question: int) -> Answer:
    """A question about text `number`, of about SHARED_TOKENS; texts share nothing with each other."""
    prompt = prompts.question(prompts.text(number, SHARED_TOKENS), question)
    return await ask(server.address, body_of(server.model, prompt, 8))


async def stall(server: Server, number: int, max_tokens: int, long_tokens: int) -> Stall:
    """The longest silence of running streams from the arrival of a long prompt on."""
    running = _Running()
    async with asyncio.TaskGroup() as group:
        streams = [
            group.create_task(
                ask(
                    server.address,
                    body_of(server.model, prompts.story(number * 100 + n), max_tokens),
                    on_text=partial(running.count, n),
                )
            )
            for n in range(RUNNING_STREAMS)
        ]
        await running.everyone
        long = prompts.question(prompts.text(number, long_tokens), 1)
        late = await ask(server.address, body_of(server.model, long, 1))
    return Stall(
        longest_gap_s=max(longest_gap_after(stream.result(), late.started) for stream in streams),
        long_first_token_s=late.first_token_s,
        long_prompt_tokens=late.prompt_tokens,
    )


def longest_gap_after(answer: Answer, moment: float) -> float:
    """The longest time between two pieces of text of which the later came after `moment`."""
    times: Sequence[float] = answer.text_times
    gaps = [gap for gap, end in zip(answer.gaps_s, times[1:], strict=True) if end > moment]
    return max(gaps, default=0.0)


def _wall_s(answers: Sequence[Answer]) -> float:
    return max(answer.ended for answer in answers) - min(answer.started for answer in answers)


class _Running:
    """Tells when every stream has sent a few pieces of text."""

    def __init__(self) -> None:
        self.everyone = asyncio.get_running_loop().create_future()
        self._seen = [0] * RUNNING_STREAMS

    def count(self, stream: int) -> None:
        self._seen[stream] += 1
        if min(self._seen) >= _STREAMS_SEEN and not self.everyone.done():
            self.everyone.set_result(None)
