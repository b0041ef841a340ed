"""Words are found wherever they stand, as they are written."""

import pytest

from corral.app.any_of import AnyOf, Pattern

WORDS = AnyOf("sk_", "a.b", r"\u", "täg")


@pytest.mark.parametrize(
    "text", ["sk_", "a task_", "xa.by", r"{\u0041", "mittägig", "x" * 100_000 + "sk_", "😀sk_"]
)
def test_one_is_there(text: str) -> None:
    assert WORDS.may_be_in(text)


@pytest.mark.parametrize("text", ["", "sk", "s k_", "axb", "SK_", "u", "x" * 100_000, "😀"])
def test_none_is_there(text: str) -> None:
    assert not WORDS.may_be_in(text)


def test_what_can_not_be_looked_through_may_hold_one() -> None:
    assert WORDS.may_be_in("\udc80")
    assert WORDS.may_be_in("sk_ \udc80")


def test_each_of_many_words_is_found() -> None:
    words = [f"word{number}." for number in range(50)]
    many = AnyOf(*words)
    assert all(many.may_be_in(f"xx{word}xx") for word in words)
    assert not many.may_be_in("word word50. word1")
    assert not AnyOf().may_be_in("word")


def test_patterns() -> None:
    commas = Pattern(r',(?:[^",]*,){3}', "a+b")
    assert commas.may_be_in("[1, 2, 3, 4, 5]") and commas.may_be_in("xaab")
    assert not commas.may_be_in('1, 2, 3, "4, 5", 6') and not commas.may_be_in("a+b")
