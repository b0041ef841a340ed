"""How often somebody may fail."""

from corral.app.people.login_limit import FAILURES, FAILURES_OF_A_NAME, WINDOW_S, LoginLimit


def test_an_address_may_fail_ten_times_a_minute() -> None:
    limit = LoginLimit()
    for number in range(FAILURES):
        assert limit.wait_s("a", f"user{number}", now=float(number)) == 0
        limit.failed("a", f"user{number}", now=float(number))
    assert limit.wait_s("a", "other", now=9.0) == WINDOW_S - 9
    assert limit.wait_s("b", "other", now=9.0) == 0
    assert limit.wait_s("a", "other", now=WINDOW_S) == 0


def test_a_name_is_watched_from_wherever_it_is_tried() -> None:
    limit = LoginLimit()
    for number in range(FAILURES_OF_A_NAME):
        limit.failed(f"address{number}", "Ada", now=0.0)
    assert limit.wait_s("fresh", "ada", now=1.0) == WINDOW_S - 1
    assert limit.wait_s("fresh", "bob", now=1.0) == 0


def test_success_forgives_the_address() -> None:
    limit = LoginLimit()
    for _ in range(FAILURES):
        limit.failed("a", "ada", now=0.0)
    limit.succeeded("a", "ada")
    assert limit.wait_s("a", "ada", now=0.0) == 0


def test_memory_is_bounded() -> None:
    limit = LoginLimit()
    for number in range(20_000):
        limit.failed(f"address{number}", f"user{number}", now=0.0)
    assert len(limit._failures) <= 10_000
