"""When discovery looks, asks and tries again."""

import pytest

from corral.peers.discovery.interfaces import NetworkInterface
from corral.peers.discovery.timing import Asking, Retrying, Settling, Timing

NONE: tuple[NetworkInterface, ...] = ()
HOME = (NetworkInterface(name="eth0", ipv4=("192.168.1.20",)),)
AWAY = (NetworkInterface(name="eth0", ipv4=("10.0.0.20",)),)


def middle(low: float, high: float) -> float:
    return (low + high) / 2


def asked(asking: Asking, until: int) -> list[int]:
    return [now for now in range(until) if asking.due(float(now))]


def test_the_first_look_counts_at_once() -> None:
    settling = Settling(2.0)
    assert settling.see(HOME, 0.0, at_once=True)
    assert settling.current == HOME
    assert not settling.see(HOME, 4.0, at_once=False)


def test_a_change_counts_once_it_lasted() -> None:
    settling = Settling(2.0, HOME)
    assert not settling.see(AWAY, 0.0, at_once=False)
    assert settling.unsettled
    assert not settling.see(AWAY, 1.9, at_once=False)
    assert settling.see(AWAY, 2.0, at_once=False)
    assert (settling.current, settling.unsettled) == (AWAY, False)


def test_a_flicker_changes_nothing() -> None:
    settling = Settling(2.0, HOME)
    assert not settling.see(NONE, 0.0, at_once=False)
    assert not settling.see(HOME, 1.0, at_once=False)
    assert not settling.unsettled
    assert not settling.see(NONE, 2.5, at_once=False)  # the wait starts anew
    assert not settling.see(AWAY, 4.4, at_once=False)
    assert not settling.see(AWAY, 5.0, at_once=False)
    assert settling.see(AWAY, 6.4, at_once=False)


@pytest.mark.parametrize(("router", "times"), [(True, [0, 1, 3, 16, 29]), (False, [0, 1, 3, 33])])
def test_a_few_questions_at_the_start_and_then_now_and_again(router: bool, times: list[int]) -> None:
    asking = Asking(Timing(), middle, router=router)
    asking.soon(0.0)
    assert asked(asking, 40) == times


@pytest.mark.parametrize(("router", "machines", "pause"), [(False, 4, 30), (False, 20, 150), (True, 20, 13)])
def test_in_a_large_network_most_leave_the_asking_to_others(router: bool, machines: int, pause: int) -> None:
    asking = Asking(Timing(burst_s=(0.0,)), middle, router=router, machines=machines)
    asking.soon(0.0)
    assert asked(asking, pause + 1) == [0, pause]


def test_a_new_router_asks_at_once() -> None:
    asking = Asking(Timing(), middle)
    asking.soon(0.0)
    assert asked(asking, 20) == [0, 1, 3]
    asking.set_router(True, 20.0)
    assert asking.due(20.0)
    asking.set_router(True, 21.0)
    assert not asking.due(21.0)


def test_when_to_look_again() -> None:
    asking = Asking(Timing(), middle)
    asking.soon(5.0)
    assert asking.next_at() == 5.0
    assert asking.due(5.0)
    assert asking.next_at() == 6.0


def test_a_late_loop_asks_once_and_not_for_each_missed_time() -> None:
    asking = Asking(Timing(), middle)
    asking.soon(0.0)
    assert asking.due(100.0)
    assert not asking.due(100.0)


def test_pauses_grow_to_a_minute() -> None:
    retrying = Retrying(Timing())
    pauses = []
    for _ in range(9):
        retrying.failed(0.0)
        pauses.append(retrying.not_before)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    retrying.worked()
    assert retrying.not_before < 0.0
    retrying.failed(10.0)
    assert retrying.not_before == 11.0
