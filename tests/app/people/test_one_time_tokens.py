"""Tokens that work once, for a while."""

import pytest

from corral.app.people.one_time_tokens import LIFETIME_S, MOST, OneTimeTokens


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_token_is_long_and_works_once() -> None:
    tokens = OneTimeTokens(clock=Clock())
    token = tokens.mint()
    assert len(token) >= 43 and token != tokens.mint()
    assert [tokens.take(token), tokens.take(token)] == [True, False]


@pytest.mark.parametrize(("after_s", "good"), [(LIFETIME_S - 0.1, True), (LIFETIME_S, False)])
def test_a_token_ends_by_itself(after_s: float, good: bool) -> None:
    clock = Clock()
    tokens = OneTimeTokens(clock=clock)
    token = tokens.mint()
    clock.now += after_s
    assert tokens.take(token) is good


@pytest.mark.parametrize("garbage", ["", "x", "\udcff", "a" * 43, "ä" * 200])
def test_garbage_is_no_token_and_uses_none_up(garbage: str) -> None:
    tokens = OneTimeTokens(clock=Clock())
    token = tokens.mint()
    assert not tokens.take(garbage)
    assert tokens.take(token)


def test_there_are_never_many() -> None:
    tokens = OneTimeTokens(clock=Clock())
    made = [tokens.mint() for _ in range(MOST + 2)]
    assert [tokens.take(each) for each in made] == [False, False] + [True] * MOST
