"""How long the history takes to answer with many rows, and to export them.

`python -m bench.history [--rows 100000] [--quick]` fills a database, asks through the store as the HTTP side does, prints a
table and writes docs/benchmarks.md.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from bench import machine
from bench.engine import ROOT
from bench.report import replace_section
from corral.app.gateway.endpoint import Client
from corral.app.gateway.principal import Principal, PrincipalId, PrincipalKind
from corral.app.gateway.recording import Outcome, RequestRecord
from corral.app.gateway.trace import Trace
from corral.app.history.recorder import BATCH, Recorder
from corral.app.ids import new_id
from corral.app.store.database import Database, open_database
from corral.app.store.history import History, HistoryFilter
from corral.app.store.latencies import Latencies
from corral.app.store.search_index import SearchIndex
from corral.app.store.statistics import Statistics
from corral.app.store.usage_series import UsageSeries

HEADING = "The history"
NOW = 1_800_000_000.0
WEEK_S = 7 * 86_400.0
_WORDS = [f"word{number}" for number in range(5_000)]
_PEOPLE = [
    Principal(kind=PrincipalKind.API_KEY, id=PrincipalId(f"key{number}"), name=f"key {number}")
    for number in range(20)
]


def made(number: int, rows: int, chance: random.Random) -> RequestRecord:
    """A request of the last week; one of a hundred fails."""
    words = " ".join(chance.choices(_WORDS, k=60))
    failed = number % 100 == 0
    at = NOW - WEEK_S + number * WEEK_S / rows
    body = b'{"model":"m","messages":[{"role":"user","content":"%b"}]}' % words.encode()
    answer = b'{"choices":[{"message":{"role":"assistant","content":"%b"}}]}' % words[::-1].encode()
    return RequestRecord(
        id=new_id(at),
        request_id=f"r{number}",
        started_at=at,
        method="POST",
        path="/v1/chat/completions",
        model=f"model-{number % 7}",
        client=Client(address=f"192.168.1.{number % 50}", principal=chance.choice(_PEOPLE)),
        trace=Trace(
            endpoint_id="local:a", endpoint_name="a", node_name="a", prompt_tokens=60, completion_tokens=60
        ),
        status=502 if failed else 200,
        outcome=Outcome.FAILED if failed else Outcome.OK,
        request_body=body,
        answer=[answer],
        answer_bytes=len(answer),
        duration_s=chance.random() * 5,
    )


async def fill(database: Database, rows: int) -> float:
    """Rows a second."""
    chance = random.Random(1)
    recorder = Recorder(database=database)
    began = time.perf_counter()
    for number in range(rows):
        recorder.put(made(number, rows, chance))
        if number % BATCH == BATCH - 1:
            await recorder.flush()
    await recorder.flush()
    return rows / (time.perf_counter() - began)


def questions(database: Database) -> dict[str, Callable[[], Awaitable[object]]]:
    """What is asked; each page with its total, as the list shows it."""
    history, numbers = History(database), Statistics(database)
    usage, latencies = UsageSeries(database), Latencies(database)

    def page(wanted: HistoryFilter, offset: int = 0) -> Callable[[], Awaitable[object]]:
        async def ask() -> object:
            return await history.page(wanted, offset=offset, limit=50), await history.count(wanted)

        return ask

    return {
        "first page": page(HistoryFilter()),
        "last page": page(HistoryFilter(), offset=10**9),
        "one model": page(HistoryFilter(model="model-3")),
        "one key": page(HistoryFilter(user="key 7")),
        "failures": page(HistoryFilter(status="failed")),
        "status 5xx": page(HistoryFilter(status="5xx")),
        "an endpoint that never answered": page(HistoryFilter(endpoint="nobody")),
        "one day": page(HistoryFilter(start=NOW - 2 * 86_400, end=NOW - 86_400)),
        "one day, one model, failures": page(
            HistoryFilter(start=NOW - 2 * 86_400, end=NOW - 86_400, model="model-3", status="failed")
        ),
        "search: two rare words": page(HistoryFilter(words="word17 word4711")),
        "search: a word in one of a hundred": page(HistoryFilter(words="word17")),
        "search: the beginning of every word": page(HistoryFilter(words="wor")),
        "search: the beginning of a thousand words": page(HistoryFilter(words="word1")),
        "statistics of the last hour": lambda: numbers.since(NOW - 3600),
        "statistics of the last day": lambda: numbers.since(NOW - 86_400),
        "tokens by day": lambda: numbers.tokens_by_period("day", start=NOW - 30 * 86_400),
        "clients": lambda: numbers.clients("key", start=0.0, end=NOW, limit=100),
        "what can be filtered by": lambda: history.choices(most=200),
        "usage by model and day": lambda: usage.used("model", "day", start=0.0, end=NOW, most=10),
        "usage by key and hour": lambda: usage.used("key", "hour", start=NOW - WEEK_S, end=NOW, most=10),
        "percentiles of everything": lambda: latencies.of("everything", start=0.0, end=NOW),
        "percentiles by model": lambda: latencies.of("model", start=0.0, end=NOW),
        "percentiles by hour": lambda: latencies.over_time(start=0.0, end=NOW, step_s=3600),
    }


async def report(*, rows: int, repeats: int) -> list[str]:
    """Measure; the lines of the report."""
    with tempfile.TemporaryDirectory(prefix="corral-bench-") as folder:
        path = Path(folder) / "history.db"
        database = await open_database(path)
        try:
            speed = await fill(database, rows)
            began = time.perf_counter()
            await SearchIndex(database).catch_up()
            index_speed = rows / (time.perf_counter() - began)
            lines = [f"| {rows:,} rows | median ms | slowest ms |", "| --- | ---: | ---: |"]
            for name, ask in questions(database).items():
                times = [await _ms(ask) for _ in range(repeats)]
                lines.append(f"| {name} | {statistics.median(times):.1f} | {max(times):.1f} |")
                print(lines[-1], flush=True)
            began = time.perf_counter()
            exported = sum([len(page) async for page in History(database).every(HistoryFilter())])
            export_s = time.perf_counter() - began
        finally:
            await database.close()
        size = path.stat().st_size / 2**20
    notes = f"Written at {speed:,.0f} rows a second, taken into the search index at {index_speed:,.0f}; {size:,.0f} MiB; {exported:,} rows exported in {export_s:.1f} s."
    return [*(f"* {line}" for line in machine.described("aiosqlite")), "", *lines, "", notes]


async def _ms(ask: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await ask()
    return (time.perf_counter() - began) * 1e3


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.history", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--quick", action="store_true", help="a smoke test: few rows, nothing written")
    options = parser.parse_args(arguments)
    rows = min(options.rows, 2_000) if options.quick else options.rows
    lines = asyncio.run(report(rows=rows, repeats=1 if options.quick else 9))
    print("\n".join(lines))
    if not options.quick:
        replace_section(ROOT / "docs" / "benchmarks.md", HEADING, lines)


if __name__ == "__main__":
    main()
