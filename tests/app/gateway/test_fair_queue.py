"""Whose turn it is."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.app.gateway.fair_queue import ClientKey, FairQueue

A, B, C, D = map(ClientKey, "ABCD")


def filled(*items: str) -> FairQueue[str]:
    """Items such as "A1": the first letter says whose."""
    queue: FairQueue[str] = FairQueue()
    for item in items:
        queue.add(ClientKey(item[0]), item)
    return queue


def order(queue: FairQueue[str], running: dict[ClientKey, int] | None = None) -> list[str]:
    taken = []
    while (found := queue.take_next(running or {})) is not None:
        taken.append(found[1])
    return taken


@pytest.mark.parametrize(
    ("items", "running", "expected"),
    [
        ([], {}, []),
        (["A1", "A2", "A3"], {}, ["A1", "A2", "A3"]),
        (["A1", "A2", "A3", "B1"], {}, ["A1", "B1", "A2", "A3"]),
        (["A1", "A2", "B1"], {A: 1}, ["B1", "A1", "A2"]),
        (["A1", "B1", "C1"], {A: 2, B: 1}, ["C1", "B1", "A1"]),
        (["A1", "A2", "B1", "B2", "C1"], {}, ["A1", "B1", "C1", "A2", "B2"]),
    ],
)
def test_the_order(items: list[str], running: dict[ClientKey, int], expected: list[str]) -> None:
    assert order(filled(*items), running) == expected


def test_who_was_served_without_waiting_comes_later() -> None:
    queue = filled("A1", "B1")
    queue.served(A)
    assert order(queue) == ["B1", "A1"]


def test_turns_are_remembered_while_nobody_of_a_client_waits() -> None:
    """Two that always come back at once must not take turns before a third."""
    queue = filled("A1", "B1", "C1")
    served = []
    for _ in range(9):
        found = queue.take_next({})
        assert found is not None
        served.append(found[0])
        queue.add(found[0], f"{found[0]}+")
    assert served == [A, B, C] * 3


def test_who_is_forgotten_counts_as_served_longest_ago() -> None:
    queue: FairQueue[str] = FairQueue(remembered=2)
    for client in (A, B, C):
        queue.served(client)
    for client in (C, B, A):
        queue.add(client, client)
    assert order(queue) == [A, B, C]


def test_removing() -> None:
    queue = filled("A1", "A2", "B1")
    assert queue.remove(A, "A1")
    assert not queue.remove(A, "A1")
    assert not queue.remove(C, "C1")
    assert queue.remove(B, "B1")
    assert (len(queue), queue.clients) == (1, 1)
    assert order(queue) == ["A2"]


STEPS = st.lists(st.tuples(st.sampled_from(["add", "take", "remove", "end"]), st.sampled_from([A, B, C, D])))


@given(STEPS)
def test_counts_add_up_and_the_order_within_a_client_is_kept(steps: list[tuple[str, ClientKey]]) -> None:
    queue: FairQueue[int] = FairQueue()
    model: dict[ClientKey, list[int]] = {key: [] for key in (A, B, C, D)}
    running: Counter[ClientKey] = Counter()
    for number, (action, client) in enumerate(steps):
        if action == "add":
            queue.add(client, number)
            model[client].append(number)
        elif action == "remove":
            item = model[client].pop() if model[client] else -1
            assert queue.remove(client, item) == (item != -1)
        elif action == "end":
            running[client] = max(0, running[client] - 1)
        elif (found := queue.take_next(running)) is not None:
            taken_client, taken = found
            assert model[taken_client].pop(0) == taken
            assert running[taken_client] == min(
                running[key] for key in model if model[key] or key == taken_client
            )
            running[taken_client] += 1
        else:
            assert not any(model.values())
        assert len(queue) == sum(map(len, model.values()))
        assert queue.clients == sum(1 for items in model.values() if items)


@given(
    slots=st.integers(1, 4),
    clients=st.integers(2, 6),
    endings=st.lists(st.integers(0, 3), min_size=100, max_size=100),
)
def test_nobody_starves(slots: int, clients: int, endings: list[int]) -> None:
    """Everybody floods, answers end in any order: who has nothing running is passed over once by each other."""
    keys = [ClientKey(str(number)) for number in range(clients)]
    queue: FairQueue[str] = FairQueue()
    for key in keys:
        for number in range(200):
            queue.add(key, f"{key}-{number}")
    running: list[ClientKey] = []
    passed_over: Counter[ClientKey] = Counter()
    for ending in endings:
        if len(running) >= slots:
            running.pop(ending % len(running))
        found = queue.take_next(Counter(running))
        assert found is not None
        running.append(found[0])
        for key in keys:
            passed_over[key] = 0 if key in running else passed_over[key] + 1
        assert max(passed_over.values()) < clients
