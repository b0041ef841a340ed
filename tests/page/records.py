"""Requests that fill a node's history, and waiting until it shows them."""

import time
from typing import Any

from tests.acceptance.node import Node
from tests.page.conftest import PARROT

REQUESTS = "/v0/dashboard/request-responses"
_DEADLINE_S = 10.0
_POLL_S = 0.05


def ask(node: Node, text: str, *, model: str = PARROT, stream: bool = False, **more: Any) -> int:
    """A chat with one message; the status of its answer."""
    body = {"model": model, "messages": [{"role": "user", "content": text}], "stream": stream, **more}
    with node.client() as http:
        return http.post("/v1/chat/completions", json=body).status_code


def recorded(node: Node, **query: str) -> dict[str, Any]:
    """The latest request of the history for which these filters ask, with its texts, as soon as it is there."""
    deadline = time.monotonic() + _DEADLINE_S
    with node.client() as http:
        while not (found := http.get(REQUESTS, params=query).json()["requests"]):
            assert time.monotonic() < deadline, f"the history doesn't have {query}"
            time.sleep(_POLL_S)
        request: dict[str, Any] = http.get(f"{REQUESTS}/{found[0]['id']}").json()
        return request
