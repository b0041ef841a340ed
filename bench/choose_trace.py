"""Requests of a made-up team: bursts, conversations over shared system prompts, answers of very unequal length.

Deterministic by seed. Token counts are log-normal, as they are in published traces of chat services; text is made of
numbers, four characters for each token, so that two prompts begin alike exactly where their conversations do.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from corral.app.gateway.endpoint import Client, GatewayRequest

MODEL = "m"
CHARACTERS = 4  # for each token
_BURST_S, _CALM_S = 20.0, 60.0  # mean lengths
_BURST_FACTOR = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """What it asks."""

    requests: int
    rate: float  # requests per second in the mean
    systems: int = 16  # shared system prompts
    system_tokens: tuple[float, float] = (1500.0, 0.6)  # median, sigma
    prompt_tokens: tuple[float, float] = (120.0, 1.0)
    answer_tokens: tuple[float, float] = (180.0, 0.8)
    turns: float = 4.0  # of a conversation in the mean
    think_s: float = 20.0  # from an answer to the next question
    hot_share: float = 0.0  # of the conversations begin with one and the same long prompt
    hot_tokens: int = 8000
    clients: int = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One request with what only an oracle knows."""

    number: int
    at: float
    client: str
    system: str
    conversation: str
    parts: tuple[tuple[str, str, int], ...]  # role, seed of its text, tokens
    system_tokens: int
    prompt_tokens: int
    answer_tokens: int

    def request(self) -> GatewayRequest:
        """As the gateway gets it."""
        messages = [
            {"role": role, "content": _text(seed, tokens * CHARACTERS)} for role, seed, tokens in self.parts
        ]
        json: Mapping[str, Any] = {"model": MODEL, "messages": messages, "stream": True, "job": self}
        return GatewayRequest(
            method="POST",
            path="/v1/chat/completions",
            headers={},
            body=bytes(self.prompt_tokens * CHARACTERS),
            json=json,
            model=MODEL,
            client=Client(address=self.client),
            request_id=str(self.number),
        )


def trace(team: Team, seed: int) -> Sequence[Job]:
    """In the order of their coming."""
    random = Random(seed)
    systems = [_tokens(random, team.system_tokens) for _ in range(team.systems)]
    jobs: list[Job] = []
    conversation = 0
    at, burst_ends, calm_ends = 0.0, 0.0, 0.0
    while len(jobs) < team.requests:
        conversation += 1
        if at >= calm_ends:
            burst_ends = at + random.expovariate(1 / _BURST_S)
            calm_ends = burst_ends + random.expovariate(1 / _CALM_S)
        at += random.expovariate(_rate(team, in_burst=at < burst_ends))
        jobs += _conversation(team, random, conversation, systems, at)
    jobs.sort(key=lambda job: job.at)
    return jobs[: team.requests]


def _rate(team: Team, *, in_burst: bool) -> float:
    """Of new conversations; the mean of both is right."""
    share = _BURST_S / (_BURST_S + _CALM_S)
    calm = team.rate / team.turns / (1.0 - share + share * _BURST_FACTOR)
    return calm * _BURST_FACTOR if in_burst else calm


def _conversation(
    team: Team, random: Random, number: int, systems: Sequence[int], at: float
) -> Sequence[Job]:
    hot = random.random() < team.hot_share
    chosen = min(int(random.expovariate(3.0 / len(systems))), len(systems) - 1)
    system, system_tokens = ("hot", team.hot_tokens) if hot else (f"s{chosen}", systems[chosen])
    client = f"client {random.randrange(team.clients)}"
    parts: list[tuple[str, str, int]] = [("system", system, system_tokens)]
    jobs = []
    turns = 1 + int(random.expovariate(1.0 / max(1e-9, team.turns - 0.5)))
    for turn in range(turns):
        parts.append(("user", f"c{number}.{turn}u", _tokens(random, team.prompt_tokens)))
        answer_tokens = _tokens(random, team.answer_tokens)
        jobs.append(
            Job(
                number=number * 1000 + turn,
                at=at,
                client=client,
                system=system,
                conversation=f"c{number}",
                parts=tuple(parts),
                system_tokens=system_tokens,
                prompt_tokens=sum(tokens for _, _, tokens in parts),
                answer_tokens=answer_tokens,
            )
        )
        parts.append(("assistant", f"c{number}.{turn}a", answer_tokens))
        at += random.expovariate(1.0 / team.think_s) + answer_tokens / 40.0
    return jobs


def _tokens(random: Random, shape: tuple[float, float]) -> int:
    median, sigma = shape
    return max(1, min(4000, round(random.lognormvariate(math.log(median), sigma))))


def _text(seed: str, characters: int) -> str:
    word = f"{seed} "
    return (word * (characters // len(word) + 1))[:characters]
