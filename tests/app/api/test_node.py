"""Health, metrics, the OpenAPI document and the management of one node."""

import re
from pathlib import Path

from corral.app.api.health import NodeState
from corral.app.api.openapi import error_statuses
from tests.app.api.serving import ADMIN_KEY, NODE, serving
from tests.engines.echo_files import write_echo

CHAT = {"model": "parrot", "messages": [{"role": "user", "content": "a b"}]}


async def test_health(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(None) as client:
        expected = {
            NodeState.STARTING: (503, 503),
            NodeState.OK: (200, 200),
            NodeState.DRAINING: (503, 200),
        }
        for state, (health, startup) in expected.items():
            node.state = state
            answer = await client.get("/health")
            assert (answer.status_code, answer.json()["status"]) == (health, state.value)
            assert answer.json()["node"] == NODE
            assert (await client.get("/startup")).status_code == startup
        assert (await client.get("/v0/system")).json()["version"] == "0.0.1"


async def test_metrics(tmp_path: Path) -> None:
    write_echo(tmp_path)
    async with serving(tmp_path) as node, node.http() as client:
        for name in ("parrot", "PARROT", "nobody"):
            await client.post("/v1/chat/completions", json={**CHAT, "model": name})
        text = (await client.get("/metrics")).text
    assert 'corral_tokens_total{kind="generated",model="parrot"} 4.0' in text
    assert 'corral_first_token_seconds_count{model="parrot"} 2.0' in text
    assert re.search(
        r'corral_http_requests_total\{method="POST",route="/v1/chat/completions",status="404"\} 1', text
    )
    assert "corral_http_requests_active 1.0" in text
    assert "nobody" not in text


async def test_the_document_is_complete(tmp_path: Path) -> None:
    async with serving(tmp_path) as node, node.http(None) as client:
        document = (await client.get("/openapi.json")).json()
        rules = {
            (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
            for rule in node.app.url_map.iter_rules()
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        }
        documented = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
        assert rules == documented
        for route in node.app.routes:
            operation = document["paths"][route.document_path][route.method.lower()]
            assert operation["summary"] == route.summary
            assert ("requestBody" in operation) == (route.body is not None)
            assert ("security" in operation) == (route.access is not None)
            for status in (*route.answer_statuses, *error_statuses(route)):
                assert str(status) in operation["responses"]
    names = document["components"]["schemas"]
    for reference in re.findall(r'"#/components/schemas/([^"]+)"', str(document).replace("'", '"')):
        assert reference in names


async def test_models_are_loaded_and_unloaded(tmp_path: Path) -> None:
    path = write_echo(tmp_path)
    async with serving(tmp_path) as node, node.http(ADMIN_KEY) as client:
        loaded = await client.post("/v0/node/models/load", json={"model": "parrot"})
        assert loaded.json()["loaded"]["description"] == "echo"
        listed = await client.get("/v0/node/models")
        (model,) = listed.json()["models"]
        assert (model["name"], model["lifecycle"], model["error"]) == ("parrot", "loaded", None)
        assert model["live"]["active"] == 0
        assert str(path.parent) not in listed.text
        assert (await client.post("/v0/node/models/unload", json={"model": "parrot"})).json() == {
            "unloaded": True
        }
        (model,) = (await client.get("/v0/node/models")).json()["models"]
        assert model["lifecycle"] == "on_disk"
        missing = await client.post("/v0/node/models/load", json={"model": "nobody"})
        assert missing.status_code == 404


async def test_stop_is_passed_on(tmp_path: Path) -> None:
    async with serving(tmp_path) as node:
        async with node.http() as client:
            assert (await client.post("/v0/node/stop")).status_code == 403
        async with node.http(ADMIN_KEY) as client:
            assert (await client.post("/v0/node/stop")).json() == {"stopping": True}
        assert node.stops == 1
