"""Which endpoint answers: an order over plain facts, best first. Pure.

auto         by the seconds until the answer would be complete (waiting, loading the model, reading what of the prompt is
             not cached there, generating) and those that it takes from the answers that run there. So work goes to
             endpoints in proportion to their speed. A cached prefix only saves its reading, so it can't draw more to an
             endpoint than that is worth: once others are cheaper in spite of it, they get the prompt, and have it too.
             An endpoint's weight counts like speed.
metrics      by processor + memory + graphics card + its memory (per cent) + 10 for each active request.
round_robin  in turn; one of weight 2 has two turns.

Endpoints that failed too often lately come last in all of them (`breakers`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from corral.app.gateway.breakers import Circuit
from corral.app.gateway.endpoint import EndpointId
from corral.app.gateway.pace import CROWDING, PREFILL_TIMES, UNKNOWN, Pace, slowdown
from corral.app.gateway.standing import NOTHING_KNOWN, Standing

USUAL_PACE = Pace(decode=20.0, prefill=200.0)
USUAL_ANSWER_TOKENS = 256.0
CHARACTERS_PER_TOKEN = 4.0
LOAD_BYTES_PER_S = 400e6
LOAD_AT_LEAST_S = 1.0
FAILURE_S = 4.0  # each recent failure counts like so much time
BROKEN_S = 600.0  # a model that could not be loaded there
ROUTING_FACTOR = 1.15  # the router's own machine has all the others' answers to pass on
ON_BATTERY_FACTOR = 1.5
IN_USE_FACTOR = 1.5
BUSY_WEIGHT = (
    0.25  # of a processor that something else keeps busy; the reading may be older than its last answer
)
WORTH_FACTOR, WORTH_S = 3.0, 2.0  # waiting for the best beats an endpoint that takes longer than this

LEAST_WEIGHT = 0.01
GOLDEN = 0.6180339887498949

ACTIVE_POINTS = 10.0
FRESH_S = 120.0
ALL_BUSY_PERCENT = 80.0


class Mode(StrEnum):
    """How to choose: CORRAL_LOAD_BALANCER_MODE."""

    AUTO = "auto"
    METRICS = "metrics"
    ROUND_ROBIN = "round_robin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One endpoint that has the model, as this node sees it."""

    id: EndpointId
    standing: Standing = NOTHING_KNOWN
    slots: int = 16
    running: int = 0  # answers of the model, for this node
    waiting: int = 0  # requests in this node's queue that may go there
    pace: Pace = UNKNOWN  # measured here
    shared_characters: int = 0  # of the prompt's beginning, served there before
    penalty: float = 0.0  # recent failures
    circuit: Circuit = Circuit.CLOSED
    overdue_s: float = 0.0  # a request there should have been answered so long ago


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a request is likely to take."""

    prompt_tokens: float = 0.0
    answer_tokens: float = USUAL_ANSWER_TOKENS


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its cost: seconds, points or its place in turn; comparable within one ranking only."""

    id: EndpointId
    cost: float
    rests: bool = False  # it is not asked as long as there is another one


def ranked(mode: Mode, candidates: Sequence[Candidate], work: Work, *, turn: int, now: float) -> list[Ranked]:
    """Best first. `turn` counts the requests of round robin."""
    if mode is Mode.AUTO:
        slow, middling = unmeasured(candidates)
        costs = [
            _as_ranked(each, cost_s(each, work, usual=slow if _tried_out(each) else middling))
            for each in candidates
        ]
    elif mode is Mode.METRICS and _measured(candidates, now=now):
        costs = [_as_ranked(each, points(each, now=now)) for each in candidates]
    else:
        first = _whose_turn(candidates, turn)
        in_turn = [_as_ranked(each, 0.0) for each in (*candidates[first:], *candidates[:first])]
        return sorted(in_turn, key=lambda each: each.rests)
    start = turn % len(costs) if costs else 0  # equals take turns
    return sorted((*costs[start:], *costs[:start]), key=lambda each: (each.rests, each.cost))


def worthwhile(mode: Mode, order: Sequence[Ranked]) -> int:
    """How many of the first are worth a free slot; the others are for when these fail."""
    awake = sum(not each.rests for each in order) or len(order)
    if mode is not Mode.AUTO or not order:
        return awake
    most = order[0].cost * WORTH_FACTOR + WORTH_S
    return sum(each.cost <= most for each in order[:awake])


def cost_s(candidate: Candidate, work: Work, *, usual: Pace = USUAL_PACE) -> float:
    """Seconds until the answer would be complete, and those it takes from others; `usual`: the pace of an endpoint that
    nobody has measured."""
    standing = candidate.standing
    pace = _known_pace(candidate, usual)
    slots = max(1, candidate.slots)
    there = candidate.running + candidate.waiting + standing.active
    cached_tokens = candidate.shared_characters / CHARACTERS_PER_TOKEN if standing.loaded >= 1 else 0.0
    alone_s = _hindrance(candidate) * (
        max(1.0, work.prompt_tokens - cached_tokens) / (pace.prefill or 1.0)
        + work.answer_tokens / (pace.decode or 1.0)
    )
    beside = min(there, slots - 1)
    crowding = CROWDING if pace.crowding is None else pace.crowding
    answer_s = alone_s * slowdown(beside + 1, crowding)
    others_s = alone_s * crowding * beside
    turns = max(0.0, there + 1 - slots) / slots
    due_s = (1.0 + turns) * answer_s + _load_s(standing)
    return (
        due_s
        + others_s
        + candidate.overdue_s
        + FAILURE_S * candidate.penalty
        + (BROKEN_S if standing.broken else 0.0)
    )


def unmeasured(candidates: Sequence[Candidate]) -> tuple[Pace, Pace]:
    """What endpoints count as that nobody has measured: while their first requests run the slowest of the others, and
    before that halfway between slowest and fastest. So they are tried out when the fast ones have enough to do."""
    paces = [pace for each in candidates for pace in (each.pace, each.standing.pace)]
    decode = [pace.decode for pace in paces if pace.decode]
    prefill = [pace.prefill for pace in paces if pace.prefill]
    slow = Pace(decode=min(decode, default=None), prefill=min(prefill, default=None))
    middling = Pace(decode=_halfway(decode), prefill=_halfway(prefill))
    return _filled(slow, USUAL_PACE), _filled(middling, USUAL_PACE)


def _halfway(speeds: Sequence[float]) -> float | None:
    return math.sqrt(min(speeds) * max(speeds)) if speeds else None


def points(candidate: Candidate, *, now: float) -> float:
    """What the mode `metrics` goes by; infinite without fresh numbers."""
    machine = candidate.standing.machine
    if not _fresh(candidate, now=now):
        return float("inf")
    load = machine.cpu_percent + machine.memory_percent + machine.gpu_percent + machine.gpu_memory_percent
    return (load + ACTIVE_POINTS * (candidate.running + candidate.standing.active)) / _weight(candidate)


def _tried_out(candidate: Candidate) -> bool:
    """Nobody has measured it, and something runs there already."""
    return candidate.running + candidate.waiting > 0 and candidate.pace == candidate.standing.pace == UNKNOWN


def _as_ranked(candidate: Candidate, cost: float) -> Ranked:
    return Ranked(candidate.id, cost, candidate.circuit is Circuit.OPEN)


def _weight(candidate: Candidate) -> float:
    return max(LEAST_WEIGHT, candidate.standing.machine.weight)


def _whose_turn(candidates: Sequence[Candidate], turn: int) -> int:
    """Place of the one; by weight if they differ, spread evenly by multiples of the golden ratio."""
    weights = [_weight(each) for each in candidates]
    if len(set(weights)) <= 1:
        return turn % len(candidates) if candidates else 0
    left = (turn * GOLDEN % 1.0) * sum(weights)
    for number, weight in enumerate(weights):
        left -= weight
        if left < 0:
            return number
    return len(candidates) - 1


def _known_pace(candidate: Candidate, usual: Pace) -> Pace:
    """Measured here, else by the endpoint, else the usual one."""
    known = _filled(candidate.pace, candidate.standing.pace)
    if known.prefill is None and known.decode is not None:
        known = Pace(decode=known.decode, prefill=known.decode * PREFILL_TIMES)
    return _filled(known, usual)


def _filled(pace: Pace, other: Pace) -> Pace:
    return Pace(
        decode=pace.decode or other.decode,
        prefill=pace.prefill or other.prefill,
        crowding=other.crowding if pace.crowding is None else pace.crowding,
    )


def _load_s(standing: Standing) -> float:
    left = 1.0 - min(1.0, standing.loaded)
    return left * (LOAD_AT_LEAST_S + standing.size_bytes / LOAD_BYTES_PER_S)


def _hindrance(candidate: Candidate) -> float:
    """How much longer everything takes there for other reasons."""
    machine = candidate.standing.machine
    factor = (ROUTING_FACTOR if machine.local else 1.0) / _weight(candidate)
    if machine.on_battery:
        factor *= ON_BATTERY_FACTOR
    if machine.in_use:
        factor *= IN_USE_FACTOR
    if not candidate.running and not candidate.standing.active:  # whatever keeps it busy is not ours
        factor *= 1.0 + BUSY_WEIGHT * machine.cpu_percent / 100.0
    return factor


def _measured(candidates: Sequence[Candidate], *, now: float) -> bool:
    """Whether numbers can tell the candidates apart: somebody's are fresh, and not all processors are busy."""
    fresh = [each for each in candidates if _fresh(each, now=now)]
    return any(each.standing.machine.cpu_percent <= ALL_BUSY_PERCENT for each in fresh)


def _fresh(candidate: Candidate, *, now: float) -> bool:
    read_at = candidate.standing.machine.read_at
    return read_at is not None and now - read_at <= FRESH_S
