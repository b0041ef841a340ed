"""When a second copy of a model pays."""

from collections.abc import Mapping
from typing import Any

import pytest

from corral.app.model_copy.holders import Holder, meant
from corral.app.model_copy.second_copy import (
    AGAIN_S,
    LONG_WAIT_S,
    MINUTES,
    SLOW_MINUTES,
    Pair,
    Site,
    WaitLog,
    Wanted,
    second_copy,
)
from corral.peers.ids import NodeId

A, B, C = NodeId("A"), NodeId("B"), NodeId("C")
GB = 10**9


def site(node: NodeId = B, **changes: Any) -> Site:
    return Site(**{"node": node, "active": 0, "cpu_percent": 5.0, "free_bytes": 8 * GB, **changes})


def wanted(
    model: str = "m", slow_minutes: int = SLOW_MINUTES, size_bytes: int = GB, on: NodeId = A
) -> Wanted:
    return Wanted(model=model, slow_minutes=slow_minutes, size_bytes=size_bytes, on=frozenset({on}))


@pytest.mark.parametrize(
    ("models", "sites", "tried", "copy"),
    [
        ([wanted()], [site()], {}, ("m", B)),
        ([], [site()], {}, None),
        ([wanted()], [], {}, None),
        ([wanted(slow_minutes=SLOW_MINUTES - 1)], [site()], {}, None),
        ([wanted(on=B)], [site()], {}, None),
        ([wanted()], [site(active=1)], {}, None),
        ([wanted()], [site(cpu_percent=60.0)], {}, None),
        ([wanted()], [site(on_battery=True)], {}, None),
        ([wanted()], [site(in_use=True)], {}, None),
        ([wanted(size_bytes=7 * GB)], [site()], {}, None),
        ([wanted()], [site(free_bytes=0)], {}, None),
        ([wanted()], [site(B), site(C, free_bytes=9 * GB)], {}, ("m", C)),
        ([wanted("m"), wanted("n", slow_minutes=9)], [site()], {}, ("n", B)),
        ([wanted("m"), wanted("n", slow_minutes=9, size_bytes=99 * GB)], [site()], {}, ("m", B)),
        ([wanted()], [site()], {("m", B): 1000.0}, None),
        ([wanted()], [site()], {("m", B): 1000.0 - AGAIN_S}, ("m", B)),
        ([wanted()], [site(), site(C, free_bytes=2 * GB)], {("m", B): 1000.0}, ("m", C)),
    ],
)
def test_second_copies(
    models: list[Wanted], sites: list[Site], tried: Mapping[Pair, float], copy: Pair | None
) -> None:
    assert second_copy(models, sites, tried=tried, now=1000.0) == copy


def test_slow_minutes_are_counted_once_each_and_forgotten() -> None:
    log = WaitLog()
    for second in (0, 1, 59, 60, 180):
        log.note("m", LONG_WAIT_S + 1, float(second))
    log.note("m", LONG_WAIT_S, 240.0)  # not long
    log.note("n", 0.1, 0.0)
    assert log.slow_minutes(200.0) == {"m": 3}
    assert log.slow_minutes(60.0 * MINUTES) == {"m": 2}
    assert log.slow_minutes(60.0 * MINUTES * 2) == {}


def test_the_log_stays_small() -> None:
    log = WaitLog()
    for number in range(1000):
        log.note(f"m{number}", 60.0, 0.0)
    assert len(log.slow_minutes(0.0)) == 200
    assert "m999" in log.slow_minutes(0.0)


def holder(node: NodeId, id: str, **changes: Any) -> Holder:
    return Holder(**{"node": node, "model": "m", "id": id, "size_bytes": 1, "quantization": "", **changes})


@pytest.mark.parametrize(
    ("holders", "node"),
    [
        ([], None),
        ([holder(A, "")], None),
        ([holder(A, "nonsense")], None),
        ([holder(A, "a" * 64)], A),
        ([holder(A, ""), holder(B, "b" * 64)], B),
        ([holder(A, "a" * 64), holder(B, "b" * 64)], A),
        ([holder(A, "a" * 64), holder(B, "b" * 64), holder(C, "b" * 64)], B),
        ([holder(A, "a" * 64, broken=True), holder(B, "b" * 64)], B),
    ],
)
def test_what_most_machines_have_is_meant(holders: list[Holder], node: NodeId | None) -> None:
    found = meant(holders)
    assert (None if found is None else found.node) == node
