"""How often handshakes of an address may fail."""

from corral.peers.transport.failures import MOST_ADDRESSES, MOST_AT_ONCE, PER_SECOND, Failures


def test_an_address_that_fails_and_fails_has_to_wait() -> None:
    failures = Failures()
    for _ in range(MOST_AT_ONCE - 1):
        failures.failed("a", 0.0)
    assert not failures.too_many("a", 0.0)
    failures.failed("a", 0.0)
    assert failures.too_many("a", 0.0)
    assert not failures.too_many("b", 0.0)
    assert not failures.too_many("a", 1.1 / PER_SECOND)


def test_failures_now_and_then_are_no_matter() -> None:
    failures = Failures()
    for second in range(1000):
        failures.failed("a", float(second))
        assert not failures.too_many("a", float(second))


def test_the_oldest_are_forgotten() -> None:
    failures = Failures()
    for _ in range(MOST_AT_ONCE):
        failures.failed("a", 0.0)
    for number in range(MOST_ADDRESSES):
        failures.failed(f"other {number}", 0.0)
    assert not failures.too_many("a", 0.0)
