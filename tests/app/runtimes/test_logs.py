"""Logs of runtimes and machines: what is read of them, and what members may ask."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from corral.app.runtimes.errors import LogsUnavailable
from corral.app.runtimes.log_route import CLAIM_HEADER, LogRoute
from corral.app.runtimes.machine_logs import entries_of
from corral.peers.ids import NodeId
from corral.peers.transport.route import PeerRequest
from tests.app.runtimes.asking import watching
from tests.fakes.listening import listening


@pytest.mark.parametrize(
    ("answer", "entries"),
    [
        (
            {"entries": [{"message": "a"}, {"message": "b"}], "path": "x"},
            [{"message": "a"}, {"message": "b"}],
        ),
        ([{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}], [{"n": 2}, {"n": 3}, {"n": 4}]),
        (["line", 5], [{"message": "line"}, {"message": "5"}]),
        ([], []),
    ],
)
def test_entries_in_any_shape(answer: object, entries: list[dict[str, Any]]) -> None:
    assert entries_of(orjson.dumps(answer), "the machine", 3) == entries


@pytest.mark.parametrize("answer", [b"", b"plain text", b"{}", b'{"entries":{}}', b"5"])
def test_what_is_no_log(answer: bytes) -> None:
    with pytest.raises(LogsUnavailable, match="the machine"):
        entries_of(answer, "the machine", 3)


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def request(body: bytes, claim: str = "7.ROUTER") -> PeerRequest:
    return PeerRequest(
        peer=NodeId("ROUTER"),
        method="POST",
        path="/peer/logs",
        query="",
        headers={CLAIM_HEADER: claim},
        most_bytes=1024,
        body=_once(body),
    )


async def test_members_get_the_newest_entries(tmp_path: Path) -> None:
    lines = [orjson.dumps({"event": f"event {number}"}) for number in range(9)]
    (tmp_path / "corral-2026-01-31.log").write_bytes(b"\n".join(lines) + b"\n")
    route = LogRoute(folder=tmp_path, accepts=lambda claim: claim == "7.ROUTER")
    answer = await route.answer(request(b'{"tail": 2}'))
    assert isinstance(answer.body, bytes)
    assert orjson.loads(answer.body) == {"entries": [{"event": "event 7"}, {"event": "event 8"}]}
    assert (await route.answer(request(b'{"tail": 2}', claim="6.ROUTER"))).status == 409
    assert (await route.answer(request(b'{"tail": 2, "since": null, "level": "loud"}'))).body == answer.body
    for wrong in (b"", b"{}", b'{"tail": 0}', b'{"tail": "9"}', b'{"tail": 5001}'):
        assert (await route.answer(request(wrong))).status == 400


async def test_members_choose_by_level_and_time(tmp_path: Path) -> None:
    levels = ("error", "info")
    lines = [
        orjson.dumps({"event": str(at), "timestamp": f"2026-01-31T12:00:0{at}.5Z", "level": levels[at % 2]})
        for at in range(9)
    ]
    (tmp_path / "corral-2026-01-31.log").write_bytes(b"\n".join(lines) + b"\n")
    route = LogRoute(folder=tmp_path, accepts=lambda claim: True)
    ask = b'{"tail": 100, "since": "2026-01-31T12:00:05.000000Z", "level": "warning"}'
    answer = await route.answer(request(ask))
    assert isinstance(answer.body, bytes)
    assert [each["event"] for each in orjson.loads(answer.body)["entries"]] == ["6", "8"]


async def test_a_log_is_cut_to_what_may_be_sent(tmp_path: Path) -> None:
    lines = [orjson.dumps({"event": str(number), "text": "x" * 1000}) for number in range(50)]
    (tmp_path / "corral-2026-01-31.log").write_bytes(b"\n".join(lines) + b"\n")
    route = LogRoute(folder=tmp_path, accepts=lambda claim: True, most_bytes=10_000)
    answer = await route.answer(request(b'{"tail": 50}'))
    assert isinstance(answer.body, bytes) and len(answer.body) <= 10_000
    entries = orjson.loads(answer.body)["entries"]
    assert entries[-1]["event"] == "49" and 5 < len(entries) < 10


async def test_the_log_of_a_runtime(tmp_path: Path) -> None:
    asked: list[str] = []

    async def logs(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        return web.json_response({"entries": [{"message": "one"}, {"message": "two"}]})

    app = web.Application()
    app.router.add_get("/v0/logs", logs)
    async with watching(tmp_path) as node:
        async with listening(app) as port:
            runtime = await node.registered(port)
            shown = await node.ask("GET", f"/v0/runtimes/{runtime.id}/logs?tail=1")
            assert shown.json() == {"entries": [{"message": "two"}], "total": 1}
            assert asked[-1] == "/v0/logs?tail=1"
        gone = await node.ask("GET", f"/v0/runtimes/{runtime.id}/logs")
        assert gone.status_code == 502 and "can't be reached" in gone.json()["error"]["message"]
