"""How much refused clients may go on sending."""

from corral.app.api.patience import AGAIN_S, MOST_BYTES, Patience


def test_each_address_has_its_share_and_gets_it_again() -> None:
    patience = Patience()
    assert patience.bears("a", MOST_BYTES, now=0.0)
    assert not patience.bears("a", 1, now=AGAIN_S - 0.1)
    assert patience.bears("b", 1, now=AGAIN_S - 0.1)
    assert patience.bears("a", MOST_BYTES, now=AGAIN_S)
    assert not patience.bears("a", 1, now=AGAIN_S)


def test_the_oldest_are_forgotten() -> None:
    patience = Patience()
    patience.bears("a", MOST_BYTES, now=0.0)
    for number in range(1024):
        patience.bears(f"other {number}", 1, now=0.0)
    assert patience.bears("a", 1, now=0.0)
