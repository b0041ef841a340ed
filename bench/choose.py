"""Choosing among machines, simulated: Corral's own gateway, queue and rules with machines that take virtual time.

`python -m bench.choose [--quick] [--seeds 6]` prints tables and writes docs/benchmarks.md. Every case is played with each
way to choose: the same requests at the same moments, the same machines. Rules are worked on with other seeds
(`--case heterogeneous --first-seed 21`), so that the tables say what they do with what nobody has seen.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench import machine, virtual_time
from bench.choose_machines import Build, Simulated, heterogeneous
from bench.choose_rivals import LeastBusy, Oracle
from bench.choose_trace import Job, Team, trace
from bench.report import Row, replace_section, table
from corral.app.gateway.admission import Admission
from corral.app.gateway.choice import Mode
from corral.app.gateway.chooser import Chooser
from corral.app.gateway.errors import GatewayError
from corral.app.gateway.experience import Experience
from corral.app.gateway.gateway import Gateway
from corral.engines.errors import EngineError

ROOT = Path(__file__).parents[1]
HEADING = "Choosing, simulated"
AUTO, METRICS, ROUND_ROBIN, LEAST_BUSY, ORACLE = "auto", "metrics", "round robin", "least busy", "oracle"
WAYS = (AUTO, METRICS, ROUND_ROBIN, LEAST_BUSY, ORACLE)
FIRST_SEED = 41  # the rules have been made with smaller ones
_COSTS_AT = (10, 1000)  # endpoints
_ABOUT = (
    (
        "* Corral's gateway, queue, rules and measurements as they are, machines in virtual time: 8 to 160 tokens/s, 2 to 16 answers at"
        " once that slow each other down more or less, caches of 20,000 to 80,000 tokens. The oracle knows true speeds, lengths, caches"
        " and loads, but not what will come"
    ),
    (
        "* Requests come in bursts of three times the calm rate, in conversations of 4 turns over 16 shared system prompts; answers are"
        " log-normal with a median of 180 tokens. Machines have 60 % to do in the mean (slow starters 40 %, herding 80 %)"
    ),
    (
        "* Stale metrics: loads are read every 110 s. Slow starters: half of 12 machines load for 30 s first. Fast errors: 4 of 24"
        " machines fail at once, always. Herding: 12 equal machines. One hot prefix: 80 % of the conversations share 8,000 tokens"
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Machines and what is asked of them."""

    name: str
    builds: Callable[[int], Sequence[Build]]  # by seed
    team: Team
    load: float = 0.6  # of what the machines can do
    most_seeds: int = 100
    from_s: float = 60.0  # requests of the first minute aren't counted: nobody knows the machines yet


@dataclass(slots=True)
class Outcome:
    """Of one case with one way to choose."""

    seconds: list[float] = field(default_factory=list)  # until each answer was complete
    failed: int = 0
    cached_percent: float = 0.0


def cases(requests: int) -> list[Case]:
    """All of them."""
    team = Team(requests=requests, rate=1.0)
    equal = [Build(name=f"e{number}", decode=40.0, prefill=800.0) for number in range(12)]
    return [
        Case(name="heterogeneous", builds=lambda seed: heterogeneous(24, seed), team=team),
        Case(
            name="1,000 machines",
            builds=lambda seed: heterogeneous(1000, seed),
            team=replace(team, requests=2 * requests, systems=200, clients=2000),
            from_s=25.0,
            most_seeds=1,
        ),
        Case(
            name="stale metrics",
            builds=lambda seed: [replace(each, read_every_s=110.0) for each in heterogeneous(24, seed)],
            team=team,
        ),
        Case(
            name="slow starters",
            builds=lambda seed: [
                replace(each, cold_s=30.0 if number % 2 else 0.0)
                for number, each in enumerate(heterogeneous(12, seed))
            ],
            team=replace(team, requests=requests // 3),
            load=0.4,
            from_s=0.0,
        ),
        Case(
            name="fast errors",
            builds=lambda seed: [
                replace(each, errors=number < 4) for number, each in enumerate(heterogeneous(24, seed))
            ],
            team=team,
        ),
        Case(name="herding", builds=lambda _seed: equal, team=replace(team, turns=1.0, systems=1), load=0.8),
        Case(name="one hot prefix", builds=lambda _seed: equal, team=replace(team, hot_share=0.8)),
    ]


def play(case: Case, way: str, seed: int) -> Outcome:
    """All requests of a case."""
    builds = case.builds(seed)
    return virtual_time.run(_play(case, builds, trace(_paced(case, builds), seed), way))


def _paced(case: Case, builds: Sequence[Build]) -> Team:
    """Its requests as often as the load says, for machines with half of each prompt in their cache."""
    able = [each for each in builds if not each.errors]
    sample = trace(replace(case.team, requests=2000), seed=0)
    prompt, answer = (
        statistics.fmean(job.prompt_tokens for job in sample),
        statistics.fmean(job.answer_tokens for job in sample),
    )
    together = sum(each.tokens_per_s / (answer + 0.5 * prompt * each.decode / each.prefill) for each in able)
    return replace(case.team, rate=case.load * together)


async def _play(case: Case, builds: Sequence[Build], jobs: Sequence[Job], way: str) -> Outcome:
    loop = asyncio.get_running_loop()
    admission = Admission(queue_max=10**6, queue_timeout_s=10**6, clock=loop.time)
    experience = Experience()
    machines = [Simulated(build, experience) for build in builds]
    gateway = Gateway(
        endpoints=lambda: machines,
        admission=admission,
        chooser=_chooser(way, admission, experience, machines, loop.time),
        now=loop.time,
    )
    outcome = Outcome()
    tasks = []
    for job in jobs:
        await asyncio.sleep(job.at - loop.time())
        tasks.append(asyncio.create_task(_ask(gateway, job, outcome, counts=job.at >= case.from_s)))
    await asyncio.gather(*tasks)
    read = sum(each.read_tokens for each in machines)
    outcome.cached_percent = 100.0 * sum(each.cached_tokens for each in machines) / max(1, read)
    return outcome


async def _ask(gateway: Gateway, job: Job, outcome: Outcome, *, counts: bool) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        answer = await gateway.forward(job.request())
    except (EngineError, GatewayError):
        outcome.failed += 1
        return
    async for _ in answer.body:
        pass
    if counts:
        outcome.seconds.append(loop.time() - began)


def _chooser(
    way: str,
    admission: Admission,
    experience: Experience,
    machines: Sequence[Simulated],
    now: Callable[[], float],
) -> Chooser:
    if way == ORACLE:
        return Oracle(admission, experience, now, {each.id: each for each in machines})
    if way == LEAST_BUSY:
        return LeastBusy(admission, experience, now)
    mode = {AUTO: Mode.AUTO, METRICS: Mode.METRICS, ROUND_ROBIN: Mode.ROUND_ROBIN}[way]
    return Chooser(admission=admission, experience=experience, mode=mode, now=now)


def _percentile(values: Sequence[float], percent: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * percent / 100.0))] if values else 0.0


def rows_of(case: Case, outcomes: dict[str, list[Outcome]]) -> list[Row]:
    """Of a table with one column for each way to choose."""

    def row(measure: str, unit: str, of: Callable[[Outcome], float], *, more: bool = False) -> Row:
        samples = {way: [of(each) for each in played] for way, played in outcomes.items()}
        return Row(measure=f"{case.name}: {measure}", unit=unit, samples=samples, more_is_better=more)

    rows = [
        row("p50", "s", lambda outcome: _percentile(outcome.seconds, 50)),
        row("p99", "s", lambda outcome: _percentile(outcome.seconds, 99)),
        row("cached", "% of prompt tokens", lambda outcome: outcome.cached_percent, more=True),
    ]
    if any(outcome.failed for played in outcomes.values() for outcome in played):
        rows.append(row("failed", "requests", lambda outcome: outcome.failed or 1e-9))
    return rows


async def _choice_us(endpoints: int) -> float:
    """Processor time of one choice in mode auto, the prompt of some 2,000 tokens included."""
    loop = asyncio.get_running_loop()
    admission, experience = Admission(clock=loop.time), Experience()
    machines = [Simulated(build, experience) for build in heterogeneous(endpoints, 1)]
    chooser = Chooser(admission=admission, experience=experience, now=loop.time)
    requests = [job.request() for job in trace(Team(requests=100, rate=1.0), 1)]
    times = []
    for request in requests:
        began = time.process_time()
        choice = chooser.choose(machines, request)
        times.append(time.process_time() - began)
        chooser.sent(choice.endpoints[0], request, choice)
    return statistics.median(times) * 1e6


def measured(requests: int, seeds: Sequence[int], only: str) -> tuple[list[Row], list[str]]:
    """The tables' rows, and lines about what a choice costs."""
    rows: list[Row] = []
    for case in cases(requests):
        if only not in case.name:
            continue
        outcomes = {way: [play(case, way, seed) for seed in seeds[: case.most_seeds]] for way in WAYS}
        rows += rows_of(case, outcomes)
        print("\n".join(table(rows_of(case, outcomes), WAYS)), flush=True)
    costs = [f"{virtual_time.run(_choice_us(count)):,.0f} µs among {count:,}" for count in _COSTS_AT]
    return rows, [
        f"* One choice in mode auto takes {' and '.join(costs)} endpoints, the fingerprints of the prompt included"
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few requests; writes nothing")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED, help="another one writes nothing")
    parser.add_argument("--requests", type=int, default=4000, help="of each case")
    parser.add_argument("--case", default="", help="only those whose names have this in them; writes nothing")
    given = parser.parse_args()
    requests, count = (600, 1) if given.quick else (given.requests, given.seeds)
    seeds = range(given.first_seed, given.first_seed + count)
    rows, costs = measured(requests, seeds, given.case)
    lines = [
        *(f"* {line}" for line in machine.described()[:2]),
        (
            f"* {requests:,} requests of each case, medians of {count} seeds ({seeds[0]} to {seeds[-1]}; the rules were made with smaller"
            " ones and never saw these); completion times count from a request's arrival; the first minute, in which nobody knows the machines, isn't counted but for slow starters (1,000 machines: 25 s, one seed)"
        ),
        *_ABOUT,
        *costs,
        "",
        *table(rows, WAYS),
    ]
    print("\n".join(lines))
    if not given.quick and not given.case and given.first_seed == FIRST_SEED:
        replace_section(ROOT / "docs" / "benchmarks.md", HEADING, lines)


if __name__ == "__main__":
    main()
