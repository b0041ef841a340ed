"""What keys may use in a minute and a day."""

import pytest

from corral.app.gateway.errors import QuotaExceeded
from corral.app.gateway.principal import NO_QUOTA, PrincipalId, Quota
from corral.app.gateway.quotas import DAY_S, Quotas, Used, day_start

KEY, OTHER = PrincipalId("k"), PrincipalId("o")
MIDNIGHT = 20_000 * DAY_S
NOON = MIDNIGHT + DAY_S / 2 + 20  # 20 s into a minute


def used(quotas: Quotas, *, requests: int = 0, tokens: int = 0, now: float = NOON) -> Quotas:
    for _ in range(requests):
        quotas.begin(KEY, NO_QUOTA, now=now)
    quotas.add_tokens(KEY, tokens, now=now)
    return quotas


def refusal(
    quotas: Quotas, quota: Quota, *, now: float = NOON, key: PrincipalId = KEY
) -> QuotaExceeded | None:
    try:
        quotas.begin(key, quota, now=now)
    except QuotaExceeded as error:
        return error
    return None


@pytest.mark.parametrize(
    ("quota", "requests", "tokens", "limit", "retry_after_s"),
    [
        (NO_QUOTA, 9, 9, None, None),
        (Quota(requests_per_minute=3), 2, 0, None, None),
        (Quota(requests_per_minute=3), 3, 0, "3 requests per minute", 40),
        (Quota(requests_per_day=3), 3, 0, "3 requests per day (UTC)", DAY_S / 2 - 20),
        (Quota(tokens_per_minute=10), 1, 9, None, None),
        (Quota(tokens_per_minute=10), 1, 10, "10 tokens per minute", 40),
        (Quota(tokens_per_day=10), 1, 11, "10 tokens per day (UTC)", DAY_S / 2 - 20),
        # of several the one that takes longest to end
        (Quota(requests_per_minute=3, requests_per_day=3), 3, 0, "3 requests per day (UTC)", DAY_S / 2 - 20),
    ],
)
def test_limits(
    quota: Quota, requests: int, tokens: int, limit: str | None, retry_after_s: int | None
) -> None:
    quotas = used(Quotas(), requests=requests, tokens=tokens)
    error = refusal(quotas, quota)
    assert (error and error.retry_after_s) == retry_after_s
    assert limit is None or (error is not None and limit in error.message)
    assert refusal(quotas, quota, key=OTHER) is None


def test_a_refused_request_does_not_count() -> None:
    quotas = used(Quotas(), requests=2)
    for _ in range(5):
        assert refusal(quotas, Quota(requests_per_minute=2)) is not None
    assert refusal(quotas, Quota(requests_per_minute=3)) is None


def test_windows_end_at_full_minutes_and_at_midnight() -> None:
    quotas = used(Quotas(), requests=2)
    quota = Quota(requests_per_minute=2, requests_per_day=4)
    assert refusal(quotas, quota, now=NOON + 39.9) is not None
    assert refusal(quotas, quota, now=NOON + 40) is None
    assert refusal(quotas, quota, now=NOON + 41) is None
    last = refusal(quotas, quota, now=MIDNIGHT + DAY_S - 0.5)
    assert last is not None and last.retry_after_s == 1
    assert refusal(quotas, quota, now=MIDNIGHT + DAY_S) is None


def test_tokens_count_in_the_window_in_which_the_answer_ended() -> None:
    quotas = Quotas()
    quota = Quota(tokens_per_minute=5)
    assert refusal(quotas, quota, now=NOON) is None
    quotas.add_tokens(KEY, 5, now=NOON + 45)
    assert refusal(quotas, quota, now=NOON + 45) is not None


def test_a_request_without_an_answer_is_taken_back() -> None:
    quotas = used(Quotas(), requests=1)
    quotas.take_back(KEY, began_at=NOON)
    assert refusal(quotas, Quota(requests_per_minute=1, requests_per_day=1)) is None
    quotas.take_back(KEY, began_at=NOON - 60)  # its minute is over, its day is not
    assert refusal(quotas, Quota(requests_per_minute=1)) is not None
    assert refusal(quotas, Quota(requests_per_day=1)) is None
    quotas.take_back(OTHER, began_at=NOON)  # nothing is known of it


def test_a_clock_that_is_set_back_a_little_opens_no_new_window() -> None:
    quotas = used(Quotas(), requests=1)
    assert refusal(quotas, Quota(requests_per_minute=1), now=NOON - 60) is not None
    assert refusal(quotas, Quota(requests_per_day=1), now=NOON - DAY_S) is not None


@pytest.mark.parametrize("back_s", [7200, 365 * DAY_S])
def test_a_clock_that_is_set_back_far_keeps_nobody_out_until_it_is_there_again(back_s: int) -> None:
    quotas = used(Quotas(), requests=1)
    assert refusal(quotas, Quota(requests_per_minute=1), now=NOON - back_s) is None
    again = refusal(quotas, Quota(requests_per_minute=1), now=NOON - back_s)
    assert again is not None
    assert again.retry_after_s == 40


def test_earlier_runs_of_the_node_count_for_the_day() -> None:
    quotas = Quotas()
    quotas.restore({KEY: Used(requests=3, tokens=50)}, now=NOON)
    assert refusal(quotas, Quota(requests_per_day=3)) is not None
    assert refusal(quotas, Quota(tokens_per_day=50)) is not None
    assert refusal(quotas, Quota(requests_per_minute=1, tokens_per_minute=1)) is None


def test_what_other_machines_counted_is_not_added_twice() -> None:
    quotas = Quotas()
    quotas.begin(KEY, NO_QUOTA, now=NOON)
    quotas.at_least({KEY: Used(requests=3, tokens=50)}, now=NOON)
    quotas.at_least({KEY: Used(requests=2, tokens=10)}, now=NOON)
    assert refusal(quotas, Quota(requests_per_day=3)) is not None
    assert refusal(quotas, Quota(requests_per_day=4)) is None
    assert refusal(quotas, Quota(tokens_per_day=50)) is not None
    assert refusal(quotas, Quota(requests_per_minute=3)) is None


def test_ended_days_are_forgotten() -> None:
    quotas = Quotas()
    for number in range(1000):
        quotas.begin(PrincipalId(str(number)), NO_QUOTA, now=NOON)
    quotas.begin(KEY, NO_QUOTA, now=NOON + DAY_S)
    assert len(quotas) == 1


def test_days_begin_at_midnight_utc() -> None:
    assert day_start(NOON) == day_start(MIDNIGHT) == MIDNIGHT
