"""Who else says the cluster's name."""

import pytest

from corral.peers.cluster_name.strangers import FORGET_AFTER_S, MOST, PATIENCE_S, Strangers


def nobody(address: str) -> bool:
    return False


@pytest.fixture
def strangers() -> Strangers:
    return Strangers()


def test_a_stranger_counts_after_a_while(strangers: Strangers) -> None:
    strangers.hear("10.0.0.1", 0.0)
    assert strangers.judge(nobody, PATIENCE_S - 0.1) == ()
    assert strangers.judge(nobody, PATIENCE_S) == ("10.0.0.1",)


def test_a_member_whose_new_address_becomes_known_is_none(strangers: Strangers) -> None:
    strangers.hear("10.0.0.1", 0.0)
    assert strangers.judge(lambda address: address == "10.0.0.1", 1.0) == ()
    assert strangers.judge(nobody, PATIENCE_S) == ()


def test_one_that_is_silent_is_forgotten(strangers: Strangers) -> None:
    strangers.hear("10.0.0.1", 0.0)
    strangers.hear("10.0.0.2", 30.0)
    assert strangers.judge(nobody, FORGET_AFTER_S + 1) == ("10.0.0.2",)


def test_a_name_that_changed_has_none(strangers: Strangers) -> None:
    strangers.hear("10.0.0.1", 0.0)
    strangers.clear()
    assert strangers.judge(nobody, 10.0) == ()


def test_many_don_t_fill_the_memory(strangers: Strangers) -> None:
    for number in range(200):
        strangers.hear(f"10.0.0.{number}", float(number) / 100)
    assert len(strangers.judge(nobody, 10.0)) == MOST
