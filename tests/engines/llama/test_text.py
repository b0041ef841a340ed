"""Bytes to text: whole characters, and stop strings held back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.engines.llama.text import TextAssembler


def test_a_character_is_never_cut() -> None:
    assembler = TextAssembler()
    data = "🦙é".encode()
    assert [assembler.feed(data[i : i + 1]) for i in range(len(data))] == ["", "", "", "🦙", "", "é"]
    assert assembler.flush() == ""


def test_an_unfinished_character_is_shown_as_replacement() -> None:
    assembler = TextAssembler()
    assert assembler.feed("🦙".encode()[:2]) == ""
    assert assembler.flush() == "�"


@pytest.mark.parametrize(
    ("stop", "text", "shown", "stopped"),
    [
        (["END"], "hello END world", "hello ", True),
        (["END"], "hello EN", "hello EN", False),
        (["b", "ab"], "xab", "x", True),
        (["a", "baa"], "baa", "b", True),
        (["\n\n"], "a\nb\n", "a\nb\n", False),
        ([""], "abc", "abc", False),
    ],
)
def test_stop_strings(stop: list[str], text: str, shown: str, stopped: bool) -> None:
    assembler = TextAssembler(stop)
    pieces = [assembler.feed(character.encode()) for character in text]
    assert "".join(pieces) + assembler.flush() == shown
    assert assembler.stopped is stopped


@given(
    st.text(alphabet="abc"), st.lists(st.text(alphabet="abc", min_size=1, max_size=4), max_size=3), st.data()
)
def test_chunking_changes_nothing(text: str, stop: list[str], data: st.DataObject) -> None:
    whole = TextAssembler(stop)
    expected = whole.feed(text.encode()) + whole.flush()
    chunked, shown, rest = TextAssembler(stop), "", text
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        shown += chunked.feed(rest[:size].encode())
        rest = rest[size:]
    assert shown + chunked.flush() == expected
    assert chunked.stopped == any(needle in text for needle in stop)
