"""How often the log hears of one address."""

from corral.peers.transport.strangers import MOST_ADDRESSES, QUIET_S, Strangers


def test_each_address_is_told_once_a_minute() -> None:
    strangers = Strangers()

    assert strangers.worth_telling("a", 0)
    assert strangers.worth_telling("b", 1)
    assert not strangers.worth_telling("a", QUIET_S - 0.1)
    assert strangers.worth_telling("a", QUIET_S)
    assert not strangers.worth_telling("a", QUIET_S + 1)
    assert not strangers.worth_telling("b", QUIET_S)


def test_the_oldest_are_forgotten() -> None:
    strangers = Strangers()
    for number in range(MOST_ADDRESSES):
        strangers.worth_telling(str(number), 0)

    assert strangers.worth_telling("one more", 0)
    assert not strangers.worth_telling("1", 0)
    assert strangers.worth_telling("0", 0)
