"""What clients may count on while machines sleep, die and are cut off from each other."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import psutil
import pytest

from tests.cluster.conftest import cluster_of
from tests.cluster.journal import JournalClient
from tests.cluster.machine import PORT, Machine, one_router, wait_for
from tests.cluster.repeating import Repeating
from tests.cluster.test_faults import router_and_others, works

# The sleep ends when the others have elected a router; with this it lasts so many seconds longer.
SLEEP_S = float(os.environ.get("CORRAL_SLEEP_S", "0"))
CLIENTS = 5


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Machine]]:
    """Three machines without models."""
    folder = tmp_path_factory.mktemp("three")
    with cluster_of(3, folder, models=folder, with_models=0) as machines:
        yield machines


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """When it was asked for and came, and which machine gave it, as the router or not."""

    asked_at: float
    at: float
    status: int
    node: str
    role: str


class Asking:
    """Asks a front door who answers."""

    def __init__(self, machine: Machine) -> None:
        self.answers: list[Answer] = []
        self._machine = machine

    def once(self) -> None:
        asked_at = time.monotonic()
        answer = httpx.get(
            f"http://127.0.0.1:{PORT}/v0/cluster",
            headers={"authorization": f"Bearer {self._machine.token()}"},
            timeout=60 + SLEEP_S,
            trust_env=False,
        )
        node = answer.json()["node"] if answer.status_code == 200 else {"name": answer.text, "role": ""}
        self.answers.append(
            Answer(
                asked_at=asked_at,
                at=time.monotonic(),
                status=answer.status_code,
                node=node["name"],
                role=node["role"],
            )
        )


def test_a_router_that_slept_answers_nothing_before_it_follows(whole: list[Machine]) -> None:
    router, others = router_and_others(whole)
    at_sleeper = [Asking(router) for _ in range(3)]
    at_others = [Asking(each) for each in others]
    with contextlib.ExitStack() as stack:
        for asking, machine in zip((*at_sleeper, *at_others), (router, router, router, *others), strict=True):
            stack.enter_context(Repeating(machine, asking.once, pause_s=0.02))
        wait_for(lambda: all(each.answers for each in (*at_sleeper, *at_others)))
        router.signal(signal.SIGSTOP)
        try:
            wait_for(lambda: psutil.Process(router.process.pid).status() == psutil.STATUS_STOPPED)
            asleep_at = time.monotonic()
            wait_for(lambda: one_router(*others) not in (None, router.name))
            threading.Event().wait(SLEEP_S)
            chosen, awake_at = one_router(*others), time.monotonic()
            made_while_asleep = router.begin(lambda: key_made_at(router))
        finally:
            router.signal(signal.SIGCONT)
        key = made_while_asleep.result()
        wait_for(lambda: one_router(*whole) is not None)
        wait_for(lambda: all(each.answers[-1].at > awake_at for each in (*at_sleeper, *at_others)))
    answers = [answer for asking in (*at_sleeper, *at_others) for answer in asking.answers]
    assert {answer.status for answer in answers} == {200}, answers
    # What it had begun to answer when it fell asleep it may finish.
    late = [(each.node, each.role) for each in answers if each.at > awake_at and each.asked_at > asleep_at]
    assert set(late) == {(chosen, "router")}
    assert all(works(each, key) for each in whole)


def key_made_at(machine: Machine) -> str:
    """A key that is asked for while the machine sleeps."""
    answer = httpx.post(
        f"http://127.0.0.1:{PORT}/v0/api-keys",
        json={"name": "asleep", "scopes": ["api"]},
        headers={"authorization": f"Bearer {machine.token()}"},
        timeout=60,
        trust_env=False,
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


def test_what_was_acknowledged_is_so_whatever_happens(whole: list[Machine]) -> None:
    router, others = router_and_others(whole)
    made = router.ask("POST", "/v0/api-keys", {"name": "admin", "scopes": ["api", "admin"]})
    admin_key = made.json()["key"]
    wait_for(lambda: all(works(each, admin_key) for each in whole))
    clients = [JournalClient(f"client-{number}", router.lan, whole, admin_key) for number in range(CLIENTS)]
    with contextlib.ExitStack() as stack:
        for number, client in enumerate(clients):
            # Each on a machine of its own choice: it is cut off together with that machine.
            stack.enter_context(Repeating(whole[number % 3], client.once, pause_s=0.2))
        enough(clients)
        router.kill()
        wait_for(lambda: one_router(*others) is not None)
        enough(clients)
        router.start_again()
        wait_for(lambda: one_router(*whole) is not None, what=router.output)
        one_is_cut_off_and_back(whole, clients)
        enough(clients)
    made_in_all = sum(len(each.journal.made) for each in clients)
    assert made_in_all > CLIENTS
    for machine in whole:
        for client in clients:
            wait_for(lambda machine=machine, client=client: agrees(machine, client))  # type: ignore[misc]


def one_is_cut_off_and_back(machines: list[Machine], clients: list[JournalClient]) -> None:
    """Both parts go on writing while the router is alone, and it dies there and starts again."""
    router, others = router_and_others(machines)
    router.lan.switch(router.host, 1)
    wait_for(lambda: one_router(*others) not in (None, router.name))
    enough(clients)
    router.kill()
    router.start_again()
    wait_for(lambda: router.router() == router.name, what=router.output)
    enough(clients)
    router.lan.switch(router.host, 0)
    wait_for(lambda: one_router(*machines) is not None)


def enough(clients: list[JournalClient]) -> None:
    """Wait until more was made by every client."""
    before = [len(each.journal.made) for each in clients]

    def more() -> list[int]:
        return [len(each.journal.made) - count for each, count in zip(clients, before, strict=True)]

    wait_for(lambda: min(more()) > 1, what=more)


def agrees(machine: Machine, client: JournalClient) -> bool:
    """Whether a machine lets in who should be, and nobody else."""

    def statuses() -> tuple[set[int], set[int]]:
        with httpx.Client(base_url=f"http://127.0.0.1:{PORT}", trust_env=False) as http:
            made, revoked = (
                {
                    http.get("/v1/models", headers={"authorization": f"Bearer {key}"}).status_code
                    for key in keys
                }
                for keys in (client.journal.made, client.journal.revoked)
            )
        return made, revoked

    made, revoked = machine.inside(statuses)
    return made <= {200} and revoked <= {401}
