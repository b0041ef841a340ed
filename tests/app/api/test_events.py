"""Live events over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from corral.app.api.health import NodeState
from tests.app.api.serving import ADMIN, ADMIN_KEY, NODE, VIEWER, Serving, serving
from tests.engines.echo_files import write_echo
from tests.engines.waiting import until

PATH = "/v0/events"


class Watcher:
    """Reads one stream of events."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.aiter_lines()
        self.comments = 0

    async def next(self) -> tuple[str, Any, str]:
        """Kind, data and id of the next event."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(20):
            async for line in self._lines:
                name, _, value = line.partition(": ")
                if line == "" and "event" in fields:
                    return fields["event"], json.loads(fields["data"]), fields.get("id", "")
                if line.startswith(":"):
                    self.comments += 1
                fields[name] = value
        raise EOFError

    async def next_of(self, kind: str) -> tuple[Any, str]:
        while True:
            seen, data, id = await self.next()
            if seen == kind:
                return data, id

    async def rest(self) -> list[str]:
        """The kinds of all events until the stream ends."""
        kinds = []
        try:
            while True:
                kinds.append((await self.next())[0])
        except EOFError:
            return kinds


@asynccontextmanager
async def watching(
    node: Serving, headers: dict[str, str] | None = None, *, last: str | None = None
) -> AsyncIterator[Watcher]:
    given = {"x-api-key": ADMIN_KEY} if headers is None else headers
    async with httpx.AsyncClient(base_url=node.url, timeout=60) as http:
        more = {} if last is None else {"last-event-id": last}
        async with http.stream("GET", PATH, headers={**given, **more}) as answer:
            assert answer.status_code == 200
            yield Watcher(answer)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def ask(node: Serving, text: str = "hi") -> None:
    body = {"model": "parrot", "messages": [{"role": "user", "content": text}]}
    async with node.http() as http:
        assert (await http.post("/v1/chat/completions", json=body)).status_code == 200


async def test_a_snapshot_then_what_happens(tmp_path: Path) -> None:
    write_echo(tmp_path)
    async with serving(tmp_path) as node, watching(node) as watcher:
        kind, snapshot, _ = await watcher.next()
        assert (kind, snapshot["node"], snapshot["load"]["active"]) == ("snapshot", {"status": "ok"}, 0)
        assert [model["name"] for model in snapshot["models"]] == ["parrot"]
        assert [machine["name"] for machine in snapshot["machines"]] == [NODE]
        await ask(node)
        request, _ = await watcher.next_of("request")
        assert (request["model"], request["status"], request["who"]["name"]) == ("parrot", 200, "a")
        assert "messages" not in json.dumps(request)
        await node.watch.look()
        models, _ = await watcher.next_of("models")
        assert models["models"][0]["lifecycle"] == "loaded"
        machines, _ = await watcher.next_of("machines")
        assert machines["machines"][0]["loaded_models"] == ["parrot"]
        async with node.http(ADMIN_KEY) as http:
            await http.post("/v0/api-keys", json={"name": "phone", "scopes": ["api"]})
            await http.post("/v0/api-keys", json={"name": ""})
        config, _ = await watcher.next_of("config")
        assert config == {"action": "Make an API key", "path": "/v0/api-keys", "who": "d"}


async def test_a_stream_goes_on_where_it_ended(tmp_path: Path) -> None:
    write_echo(tmp_path)
    async with serving(tmp_path) as node:
        async with watching(node) as watcher:
            await watcher.next()
            await ask(node)
            _, last = await watcher.next_of("request")
        await ask(node)
        async with watching(node, last=last) as watcher:
            kind, _, id = await watcher.next()
            assert (kind, id) == ("request", node.feed.id_of(2))
        async with watching(node, last="other-1") as watcher:
            assert (await watcher.next())[0] == "snapshot"


async def test_who_falls_behind_is_told_to_reload(tmp_path: Path) -> None:
    """A reader that does not read holds nothing up, and its memory is only the socket's."""
    async with serving(tmp_path) as node, watching(node) as slow, watching(node) as quick:
        await slow.next()
        await quick.next()
        for number in range(200):
            for _ in range(100):
                node.feed.publish("request", {"text": "x" * 1000, "number": number})
            kind = (await quick.next())[0]
            while kind != "reload" and node.feed.last > 100 * number + 100:
                kind = (await quick.next())[0]
            assert kind == "request"
            for _ in range(99):
                await quick.next()
        assert (await slow.rest())[-1] == "reload"


async def test_viewers_see_no_requests_of_others(tmp_path: Path) -> None:
    write_echo(tmp_path)
    async with serving(tmp_path) as node, watching(node, bearer(node.token(VIEWER))) as watcher:
        kind, snapshot, _ = await watcher.next()
        assert kind == "snapshot" and not snapshot.keys() & {"machines", "cluster", "joining"}
        await ask(node)
        await node.watch.look()
        seen = [(await watcher.next())[0] for _ in range(4)]
        assert sorted(seen) == ["endpoints", "load", "models", "node"]


async def test_a_stream_ends_with_its_session(tmp_path: Path) -> None:
    async with serving(tmp_path, keep_alive_s=0.05) as node:
        token = node.token(ADMIN)
        async with watching(node, bearer(token)) as watcher, node.http(None) as http:
            await watcher.next()
            await until(lambda: node.feed.watchers == 1, "it watches")
            assert (await http.post("/v0/auth/logout", headers=bearer(token))).status_code == 200
            assert (await watcher.rest())[-1] == "end"
        await until(lambda: node.feed.watchers == 0, "it has left")


async def test_a_stream_ends_with_its_key(tmp_path: Path) -> None:
    async with serving(tmp_path, keep_alive_s=0.05) as node:
        secret = await node.key_with({"admin"})
        async with watching(node, {"x-api-key": secret}) as watcher, node.http(ADMIN_KEY) as http:
            await watcher.next()
            keys = (await http.get("/v0/api-keys")).json()["api_keys"]
            id = next(key["id"] for key in keys if key["name"] == "test")
            await http.delete(f"/v0/api-keys/{id}")
            assert (await watcher.rest())[-1] == "end"


async def test_streams_end_when_the_node_stops(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, watching(node) as watcher:
        await watcher.next()
        node.state = NodeState.DRAINING
        node.feed.close()
        assert await watcher.rest() == ["end"]
        async with node.http(ADMIN_KEY) as http:
            assert (await http.get(PATH)).status_code == 503


async def test_silence_is_filled_with_comments(tmp_path: Path) -> None:
    async with serving(tmp_path, keep_alive_s=0.02) as node, watching(node) as watcher:
        await watcher.next()
        waiting = asyncio.create_task(watcher.next())
        await until(lambda: watcher.comments >= 3, "comments come")
        node.feed.publish("node", {})
        assert (await waiting)[0] == "node"


async def test_a_hundred_watch_at_the_same_time(tmp_path: Path) -> None:
    async with serving(tmp_path) as node:
        begun = 0

        async def watch_one() -> str:
            nonlocal begun
            async with watching(node) as watcher:
                await watcher.next()
                begun += 1
                return (await watcher.next())[0]

        tasks = [asyncio.create_task(watch_one()) for _ in range(100)]
        await until(lambda: begun == 100, "all watch")
        node.feed.publish("node", {})
        assert await asyncio.gather(*tasks) == ["node"] * 100
        await until(lambda: node.feed.watchers == 0, "all have left")
