"""Statistics over HTTP, from rows that the recorder wrote."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from corral.app.api.dashboard_routes import first_of_month
from corral.app.gateway.principal import Principal, PrincipalId, PrincipalKind
from corral.app.gateway.recording import Outcome
from corral.app.gateway.trace import Trace
from tests.app.api.serving import ADMIN_KEY, NODE, NOW, Serving, serving
from tests.app.history.records import record
from tests.engines.echo_files import write_echo

PATH = "/v0/dashboard"
DAY_S = 86_400.0
LAPTOP = Principal(kind=PrincipalKind.API_KEY, id=PrincipalId("k2"), name="laptop")
ADA = Principal(kind=PrincipalKind.SESSION, id=PrincipalId("u1"), name="ada")


async def fill(node: Serving) -> None:
    assert node.recorder is not None
    for each in (
        record(
            at=NOW - 30,
            duration_s=1.0,
            trace=Trace(prompt_tokens=10, completion_tokens=5, first_token_s=0.25),
        ),
        record(at=NOW - 90, duration_s=3.0, who=LAPTOP, model="other"),
        record(at=NOW - 95, who=LAPTOP, status=404, outcome=Outcome.REFUSED, trace=Trace()),
        record(at=NOW - 5_000, who=ADA, status=502, outcome=Outcome.FAILED, trace=Trace(prompt_tokens=1)),
        record(at=NOW - 2 * DAY_S, who=ADA),
        record(at=NOW - 40 * DAY_S, who=None),
    ):
        node.recorder.put(each)
    await node.recorder.flush()


async def asked(http: httpx.AsyncClient, path: str) -> Any:
    answer = await http.get(PATH + path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_an_empty_database(tmp_path: Path) -> None:
    async with serving(tmp_path, records=True) as node, node.http(ADMIN_KEY) as http:
        stats = await asked(http, "/stats")
        assert stats["total"]["requests"] == stats["last_hour"]["requests"] == 0
        assert stats["last_hour"]["p95_ms"] is None
        assert (await asked(http, "/stats/tokens"))["stats"] == []
        assert (await asked(http, "/stats/clients"))["clients"] == []
        assert len((await asked(http, "/request-history"))["history"]) == 60


async def test_stats(tmp_path: Path) -> None:
    write_echo(tmp_path)
    keys = {"openai_api_key": "sk-of-openai"}
    async with serving(tmp_path, records=True, settings=keys) as node, node.http(ADMIN_KEY) as http:
        await fill(node)
        stats = await asked(http, "/stats")
        overview = await asked(http, "/overview")
        summary = (await http.get("/v0/metrics/summary")).json()
    assert stats["total"] == {
        "requests": 6,
        "failures": 1,
        "refusals": 1,
        "prompt_tokens": 20,
        "cached_tokens": 0,
        "completion_tokens": 11,
        "duration_s": 6.0,
    }
    hour = stats["last_hour"]
    assert (hour["requests"], hour["ok"], hour["refused"], hour["failed"]) == (3, 2, 1, 0)
    assert (hour["average_ms"], hour["p50_ms"], hour["p95_ms"]) == (2_000, 3_000, 3_000)
    assert hour["first_token_p50_ms"] == 250
    assert (stats["last_day"]["requests"], stats["last_day"]["failed"]) == (4, 1)
    assert (stats["models"], stats["models_loaded"], stats["active_requests"]) == (1, 0, 0)
    assert (stats["openai_key_present"], stats["google_key_present"]) == (True, False)
    assert stats["recording"]["paused"] is False
    assert overview["stats"]["total"] == stats["total"]
    assert overview["generated_at"].startswith("2023-11-14T22:13:20")
    assert (summary["requests_total"], summary["requests_last_hour"]) == (6, 3)


async def test_the_last_sixty_minutes(tmp_path: Path) -> None:
    async with serving(tmp_path, records=True) as node, node.http(ADMIN_KEY) as http:
        await fill(node)
        history = (await asked(http, "/request-history"))["history"]
    assert len(history) == 60
    assert history[-1] == {"minute": "2023-11-14T22:13:00.000Z", "success": 0, "error": 0}
    assert [(each["success"], each["error"]) for each in history[-3:]] == [(1, 1), (1, 0), (0, 0)]
    assert sum(each["success"] + each["error"] for each in history) == 3


async def test_tokens_by_model_day_and_month(tmp_path: Path) -> None:
    async with serving(tmp_path, records=True) as node, node.http(ADMIN_KEY) as http:
        await fill(node)
        models = (await asked(http, "/stats/tokens"))["stats"]
        days = (await asked(http, "/stats/tokens/daily?days=3"))["stats"]
        months = (await asked(http, "/stats/tokens/monthly?months=2"))["stats"]
        this_month = (await asked(http, "/stats/tokens/monthly?months=1"))["stats"]
    assert [(row["model"], row["requests"], row["total_tokens"]) for row in models] == [
        ("m", 5, 26),
        ("other", 1, 5),
    ]
    assert [(row["period"], row["model"], row["total_tokens"]) for row in days] == [
        ("2023-11-12", "m", 5),
        ("2023-11-14", "m", 16),
        ("2023-11-14", "other", 5),
    ]
    assert [(row["period"], row["requests"]) for row in months] == [
        ("2023-10", 1),
        ("2023-11", 4),
        ("2023-11", 1),
    ]
    assert {row["period"] for row in this_month} == {"2023-11"}


@pytest.mark.parametrize(
    ("now", "back", "first"),
    [
        ("2024-03-31", 0, "2024-03-01"),
        ("2024-03-31", 1, "2024-02-01"),
        ("2024-01-01", 1, "2023-12-01"),
        ("2024-05-15", 17, "2022-12-01"),
    ],
)
def test_months_have_different_lengths(now: str, back: int, first: str) -> None:
    began = first_of_month(datetime.fromisoformat(f"{now}T12:00:00+00:00").timestamp(), back=back)
    assert datetime.fromtimestamp(began, UTC).date().isoformat() == first


async def test_clients(tmp_path: Path) -> None:
    async with serving(tmp_path, records=True) as node, node.http(ADMIN_KEY) as http:
        await fill(node)
        keys = (await asked(http, "/stats/clients"))["clients"]
        users = (await asked(http, "/stats/clients?by=user"))["clients"]
        addresses = (await asked(http, "/stats/clients?by=address&start=2023-01-01T00:00:00Z"))["clients"]
        earlier = (await asked(http, "/stats/clients?by=user&end=2023-11-13T00:00:00Z"))["clients"]
    assert [(row["name"], row["requests"], row["refusals"]) for row in keys] == [
        ("phone", 1, 0),
        ("laptop", 2, 1),
    ]
    assert [(row["name"], row["requests"], row["failures"]) for row in users] == [("ada", 2, 1)]
    assert [(row["id"], row["requests"]) for row in addresses] == [("192.168.1.7", 6)]
    assert [(row["requests"], row["last_seen"]) for row in earlier] == [(1, "2023-11-12T23:00:00.000Z")]


async def test_wrong_queries(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as http:
        for path, param in (
            ("/stats/clients?by=shoe", "by"),
            ("/stats/clients?limit=0", "limit"),
            ("/stats/tokens/daily?days=9999", "days"),
            ("/stats/tokens/monthly?months=x", "months"),
        ):
            answer = await http.get(PATH + path)
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_runtimes_and_their_load(tmp_path: Path) -> None:
    write_echo(tmp_path)
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as http:
        await http.post("/v0/node/models/load", json={"model": "parrot"})
        await node.telemetry.sample()
        await node.telemetry.sample()
        (runtime,) = (await asked(http, "/runtimes"))["runtimes"]
        samples = (await asked(http, f"/metrics/{NODE}"))["samples"]
        unknown = await http.get(f"{PATH}/metrics/nobody")
    assert (runtime["id"], runtime["status"], runtime["loaded_models"]) == (NODE, "online", ["parrot"])
    assert runtime["load"] == samples[-1] and len(samples) == 2
    assert 0 < samples[0]["memory_percent"] <= 100 and 0 <= samples[1]["cpu_percent"] <= 100
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "runtime_not_found")
