"""What a node that was used for a while holds: people, keys, a server elsewhere, questions and answers."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx

from tests.acceptance.node import Node
from tests.fakes.openai_server import Plan, openai_server
from tests.page.background import in_background

_DEADLINE_S = 10.0
_POLL_S = 0.05

ELSEWHERE = "llama-3.1-8b-instruct"
_ANSWER = ("Sheep", " graze", " in", " the", " morning", " and", " rest", " at", " noon", ".")
_QUESTIONS = (
    "Name three animals of a farm.",
    "What do sheep do all day?",
    "Write a short poem about a meadow in autumn, with a dog in it.",
    "Count to five.",
)


@contextmanager
def lived_in(node: Node, *, model: str, troubles: bool = True) -> Iterator[None]:
    """Fills it through its API and removes again what can be removed; the history stays.

    `troubles`: with a server that can't be reached and a question that nobody can answer.
    """
    with (
        in_background(openai_server(models=(ELSEWHERE,), plan=Plan(words=_ANSWER))) as elsewhere,
        node.client() as http,
        ExitStack() as made,
    ):

        def make(path: str, body: dict[str, Any]) -> dict[str, Any]:
            answer = http.post(path, json=body)
            answer.raise_for_status()
            document: dict[str, Any] = answer.json()
            made.callback(http.delete, f"{path}/{document['id']}")
            return document

        make("/v0/users", {"username": "mila", "password": "minds the meadow", "role": "viewer"})
        make("/v0/invitations", {})
        make("/v0/api-keys", {"name": "Mila's notebook", "scopes": ["api"]})
        make("/v0/endpoints", {"name": "Ollama upstairs", "base_url": elsewhere.base_url})
        if troubles:
            make("/v0/endpoints", {"name": "Switched off", "base_url": "http://127.0.0.1:9/v1"})
        _ask(http, model, _QUESTIONS[0])
        for number, question in enumerate(_QUESTIONS):
            _ask(http, ELSEWHERE, question, stream=bool(number % 2))
        if troubles:
            _ask(http, "no-such-model", "Is anybody there?")
        _until_recorded(http, "Is anybody there?" if troubles else _QUESTIONS[-1])
        yield


def _ask(http: httpx.Client, model: str, question: str, *, stream: bool = False) -> None:
    messages = [{"role": "user", "content": question}]
    http.post(
        "/v1/chat/completions",
        json={"model": model, "messages": messages, "max_tokens": 48, "stream": stream},
    )


def _until_recorded(http: httpx.Client, question: str) -> None:
    """The history is written in batches."""
    deadline = time.monotonic() + _DEADLINE_S
    while not http.get("/v0/dashboard/request-responses", params={"q": question}).json()["total"]:
        assert time.monotonic() < deadline, "the history doesn't show what was asked"
        time.sleep(_POLL_S)
