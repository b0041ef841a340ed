"""A node that starts again remembers what keys used today."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.node import Node
from tests.engines.echo_files import write_echo

KEYS = "/v0/api-keys"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    models = tmp_path / "models"
    models.mkdir()
    write_echo(models)
    node = Node(tmp_path / "data", models=models)
    try:
        node.wait_until_ready()
        yield node
    finally:
        node.stop()


def new_key(node: Node, **limits: int) -> str:
    with node.client() as admin:
        made = admin.post(KEYS, json={"name": "limited", "scopes": ["api"], **limits})
    key: str = made.json()["key"]
    return key


def ask(node: Node, key: str) -> httpx.Response:
    body = {"model": "parrot", "messages": [{"role": "user", "content": "hi"}]}
    headers = {"authorization": f"Bearer {key}"}
    return httpx.post(f"{node.url}/v1/chat/completions", json=body, headers=headers, timeout=60)


def test_days_go_on_after_a_restart_and_last_uses_stay(node: Node) -> None:
    by_requests, by_tokens, unused = (
        new_key(node, requests_per_day=2),
        new_key(node, tokens_per_day=4),
        new_key(node, requests_per_day=1),
    )
    assert ask(node, by_requests).status_code == 200
    assert ask(node, by_tokens).status_code == 200
    while ask(node, by_tokens).status_code == 200:
        pass
    node.stop()
    node.start_again()
    assert ask(node, by_tokens).json()["error"]["code"] == "quota_exceeded"
    assert [ask(node, by_requests).status_code for _ in range(2)] == [200, 429]
    with node.client() as admin:
        keys = admin.get(KEYS).json()["api_keys"]
    used = {key["key_prefix"]: key["last_used_at"] for key in keys}
    assert used[by_requests[:8]] and used[by_tokens[:8]] and used[unused[:8]] is None
