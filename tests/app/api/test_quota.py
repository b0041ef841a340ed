"""Quotas of API keys over HTTP."""

from pathlib import Path

import httpx

from tests.app.api.serving import ADMIN_KEY, NOW, serving
from tests.app.api.test_leaving import send_chat
from tests.app.api.test_queue import CHAT, body
from tests.engines.echo_files import write_echo
from tests.engines.waiting import until

KEYS = "/v0/api-keys"
MIDNIGHT = NOW // 86_400 * 86_400


async def new_key(admin: httpx.AsyncClient, **limits: int) -> tuple[str, str]:
    made = (await admin.post(KEYS, json={"name": "limited", "scopes": ["api"], **limits})).json()
    return made["key"], f"{KEYS}/{made['id']}"


def code(answer: httpx.Response) -> str:
    assert answer.status_code == 429
    found: str = answer.json()["error"]["code"]
    return found


async def test_requests_per_minute(tmp_path: Path) -> None:
    write_echo(tmp_path)
    now = MIDNIGHT + 100
    async with serving(tmp_path, now=lambda: now) as node, node.http(ADMIN_KEY) as admin:
        key, _ = await new_key(admin, requests_per_minute=2)
        async with node.http(key) as client:
            statuses = [(await client.post(CHAT, json=body())).status_code for _ in range(3)]
            refused = await client.post(CHAT, json=body())
            assert (await client.get("/v1/models")).status_code == 200
            assert (await admin.post(CHAT, json=body())).status_code == 200
            now += 20
            assert (await client.post(CHAT, json=body())).status_code == 200
        metrics = (await admin.get("/metrics")).text
    assert statuses == [200, 200, 429]
    assert (code(refused), refused.headers["retry-after"]) == ("quota_exceeded", "20")
    assert "limit of 2 requests per minute" in refused.json()["error"]["message"]
    assert "x-queue-status" not in refused.headers
    assert 'corral_requests_refused_total{reason="quota_exceeded"} 2.0' in metrics


async def test_tokens_per_day(tmp_path: Path) -> None:
    write_echo(tmp_path)
    now = MIDNIGHT + 86_400 - 10
    async with serving(tmp_path, now=lambda: now) as node, node.http(ADMIN_KEY) as admin:
        key, _ = await new_key(admin, tokens_per_day=5)
        async with node.http(key) as client:
            usage = (await client.post(CHAT, json=body("one two three"))).json()["usage"]
            assert usage["total_tokens"] >= 5
            refused = await client.post(CHAT, json=body())
            now += 10
            assert (await client.post(CHAT, json=body(stream=True))).status_code == 200
    assert (code(refused), refused.headers["retry-after"]) == ("quota_exceeded", "10")


async def test_changed_limits_count_at_once_with_what_was_used_before(tmp_path: Path) -> None:
    write_echo(tmp_path)
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as admin:
        key, path = await new_key(admin)
        async with node.http(key) as client:
            for _ in range(3):
                assert (await client.post(CHAT, json=body())).status_code == 200
            await admin.put(path, json={"requests_per_day": 3})
            assert code(await client.post(CHAT, json=body())) == "quota_exceeded"
            await admin.put(path, json={"requests_per_day": None})
            assert (await client.post(CHAT, json=body())).status_code == 200


async def test_requests_without_an_answer_do_not_count(tmp_path: Path) -> None:
    write_echo(tmp_path)
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as admin:
        key, _ = await new_key(admin, requests_per_minute=1)
        async with node.http(key) as client:
            assert (await client.post(CHAT, json=body(model="nobody"))).status_code == 404
            assert (await client.post(CHAT, json={"model": "parrot", "messages": 5})).status_code == 400
            assert (await client.post(CHAT, json=body())).status_code == 200
            assert code(await client.post(CHAT, json=body())) == "quota_exceeded"


async def test_tokens_of_streams_that_were_left_count(tmp_path: Path) -> None:
    write_echo(tmp_path, tokens_per_s=50)
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as admin:
        key, _ = await new_key(admin, tokens_per_minute=1000)
        reader, writer = await send_chat(node, stream=True, text="word " * 1500, key=key)
        await reader.readuntil(b"word")
        writer.close()
        await writer.wait_closed()
        await until(lambda: node.admission.running == 0, "the answer was closed")
        async with node.http(key) as client:
            assert code(await client.post(CHAT, json=body())) == "quota_exceeded"
