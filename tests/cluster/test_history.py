"""The history survives the router: two machines, one of which is killed."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cluster.conftest import MODEL, all_in_one, cluster_of
from tests.cluster.machine import Machine, one_router, wait_for

HISTORY = "/v0/dashboard/request-responses"
SUMS = "/v0/dashboard/stats/tokens"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, chat_models: Path) -> Iterator[list[Machine]]:
    """Two machines, both with the model."""
    with cluster_of(2, tmp_path_factory.mktemp("two"), models=chat_models, with_models=2) as machines:
        yield machines


def chat(machine: Machine, words: str) -> None:
    body = {"model": MODEL, "max_tokens": 4, "messages": [{"role": "user", "content": words}]}
    answer = machine.ask("POST", "/v1/chat/completions", body)
    assert answer.status_code == 200, answer.text


def respond(machine: Machine, words: str, **more: str) -> str:
    """The id of a stored response."""
    body = {"model": MODEL, "input": words, "max_output_tokens": 4, **more}
    answer = machine.ask("POST", "/v1/responses", body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def kept(machine: Machine) -> int:
    """How many requests its own database has."""
    path = f"file:{machine.home / 'corral.db'}?mode=ro"
    with closing(sqlite3.connect(path, uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM requests").fetchone()[0])


def listed(machine: Machine, words: str = "") -> int:
    """How many requests the dashboard lists that have these words."""
    return int(machine.ask("GET", f"{HISTORY}?q={words}" if words else HISTORY).json()["total"])


def test_the_history_goes_on_when_the_router_is_killed(two: list[Machine]) -> None:
    router = next(each for each in two if each.name == one_router(*two))
    other = next(each for each in two if each is not router)
    chat(router, "apple")
    chat(other, "banana")
    response = respond(router, "cherry")
    wait_for(lambda: kept(other) == 3, within_s=15, what=lambda: f"the copies: {other.output()}")
    sums = router.ask("GET", SUMS).json()

    router.kill()
    wait_for(lambda: other.router() == other.name, what=lambda: f"another router: {other.output()}")
    assert [listed(other, words) for words in ("", "apple", "banana", "cherry")] == [3, 1, 1, 1]
    assert other.ask("GET", SUMS).json() == sums
    respond(other, "damson", previous_response_id=response)

    router.start_again()
    wait_for(lambda: all_in_one(two), within_s=60, what=lambda: [each.output() for each in two])
    wait_for(lambda: kept(router) == 4, within_s=30, what=lambda: f"the copies: {router.output()}")
    assert [listed(each, "damson") for each in two] == [1, 1]
