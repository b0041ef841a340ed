"""Statistics over time over HTTP, from rows that the recorder wrote."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from corral.app.gateway.principal import Principal, PrincipalId, PrincipalKind
from corral.app.gateway.recording import Outcome
from corral.app.gateway.trace import Trace
from tests.app.api.serving import ADMIN_KEY, NOW, Serving, serving
from tests.app.history.records import record

PATH = "/v0/dashboard/stats"
DAY_S = 86_400.0
LAPTOP = Principal(kind=PrincipalKind.API_KEY, id=PrincipalId("k2"), name="laptop")
ADA = Principal(kind=PrincipalKind.SESSION, id=PrincipalId("u1"), name="ada")


def trace(tokens: int, *, endpoint: str = "a", first_token_s: float | None = None) -> Trace:
    return Trace(
        endpoint_id=f"local:{endpoint}",
        endpoint_name=endpoint.upper(),
        node_name=endpoint,
        prompt_tokens=tokens,
        completion_tokens=1,
        first_token_s=first_token_s,
    )


async def fill(node: Serving) -> None:
    assert node.recorder is not None
    for each in (
        record(at=NOW - 30, trace=trace(1, first_token_s=0.25), duration_s=1.0),
        record(at=NOW - 60, trace=trace(9, endpoint="b"), duration_s=3.0, who=LAPTOP, model="other"),
        record(at=NOW - 70, status=404, outcome=Outcome.REFUSED, trace=Trace(), model="nobody's"),
        record(at=NOW - 2 * DAY_S, trace=trace(4), duration_s=2.0, who=ADA),
        record(at=NOW - 40 * DAY_S, trace=trace(100), duration_s=9.0),
    ):
        node.recorder.put(each)
    await node.recorder.flush()


async def asked(http: httpx.AsyncClient, path: str) -> Any:
    answer = await http.get(PATH + path)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (
            "per=day",
            [
                ("2023-11-12T00:00:00.000Z", "m", 1, 5),
                ("2023-11-14T00:00:00.000Z", "other", 1, 10),
                ("2023-11-14T00:00:00.000Z", "m", 1, 2),
                ("2023-11-14T00:00:00.000Z", "nobody's", 1, 0),
            ],
        ),
        (
            "per=day&limit=1",
            [
                ("2023-11-12T00:00:00.000Z", None, 1, 5),
                ("2023-11-14T00:00:00.000Z", "other", 1, 10),
                ("2023-11-14T00:00:00.000Z", None, 2, 2),
            ],
        ),
        (
            "per=month&by=key&start=2023-10-01T00:00:00Z",
            [
                ("2023-10-01T00:00:00.000Z", "phone", 1, 101),
                ("2023-11-01T00:00:00.000Z", "laptop", 1, 10),
                ("2023-11-01T00:00:00.000Z", "phone", 2, 2),
            ],
        ),
        ("per=day&by=user", [("2023-11-12T00:00:00.000Z", "ada", 1, 5)]),
        (
            "per=hour&by=endpoint&start=2023-11-14T00:00:00Z",
            [
                ("2023-11-14T22:00:00.000Z", "B", 1, 10),
                ("2023-11-14T22:00:00.000Z", "A", 1, 2),
            ],
        ),
        ("per=day&by=address&end=2023-11-13T00:00:00Z", [("2023-11-12T00:00:00.000Z", "192.168.1.7", 1, 5)]),
    ],
)
async def test_usage(tmp_path: Path, query: str, rows: list[tuple[str, str | None, int, int]]) -> None:
    async with serving(tmp_path, records=True) as node, node.http(ADMIN_KEY) as http:
        await fill(node)
        found = (await asked(http, f"/usage?{query}"))["usage"]
    assert [(row["period"], row["name"], row["requests"], row["total_tokens"]) for row in found] == rows


async def test_latency(tmp_path: Path) -> None:
    async with serving(tmp_path, records=True) as node, node.http(ADMIN_KEY) as http:
        await fill(node)
        (everything,) = (await asked(http, "/latency"))["latency"]
        models = (await asked(http, "/latency?by=model&start=2023-01-01T00:00:00Z"))["latency"]
        machines = (await asked(http, "/latency?by=runtime"))["latency"]
        keys = (await asked(http, "/latency?by=key"))["latency"]
        points = (await asked(http, "/latency/series?per=day"))["latency"]
    assert everything["answered"] == 3
    assert everything["duration_ms"] == {"p50": 2000, "p90": 3000, "p95": 3000, "p99": 3000, "max": 3000}
    assert everything["first_token_ms"] == {"p50": 250, "p90": 250, "p95": 250, "p99": 250, "max": 250}
    assert [(row["name"], row["answered"], row["duration_ms"]["max"]) for row in models] == [
        ("m", 3, 9000),
        ("other", 1, 3000),
    ]
    assert models[1]["first_token_ms"] is None
    assert [(row["id"], row["answered"]) for row in machines] == [("a", 2), ("b", 1)]
    assert [(row["name"], row["answered"]) for row in keys] == [("laptop", 1), ("phone", 1)]
    assert [(row["period"], row["answered"], row["duration_ms"]["p50"]) for row in points] == [
        ("2023-11-12T00:00:00.000Z", 1, 2000),
        ("2023-11-14T00:00:00.000Z", 2, 3000),
    ]


async def test_nothing_happened(tmp_path: Path) -> None:
    async with serving(tmp_path, records=True) as node, node.http(ADMIN_KEY) as http:
        for path in ("/latency", "/latency?by=user", "/latency/series"):
            assert await asked(http, path) == {"latency": [], "total": 0}
        assert await asked(http, "/usage") == {"usage": [], "total": 0}


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/usage?by=shoe", "by"),
        ("/usage?per=minute", "per"),
        ("/usage?limit=0", "limit"),
        ("/usage?per=hour&start=2020-01-01T00:00:00Z", "per"),
        ("/latency?by=address", "by"),
        ("/latency?start=yesterday", "start"),
        ("/latency/series?per=minute", "per"),
    ],
)
async def test_wrong_queries(tmp_path: Path, path: str, param: str) -> None:
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as http:
        answer = await http.get(PATH + path)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
