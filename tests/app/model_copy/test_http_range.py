"""Which bytes a Range header means."""

import pytest

from corral.app.model_copy.http_range import NotSatisfiable, Span, wanted_span


@pytest.mark.parametrize(
    ("header", "span"),
    [
        (None, None),
        ("", None),
        ("bytes=0-0", Span(0, 1)),
        ("bytes=0-99", Span(0, 100)),
        ("bytes=90-1000", Span(90, 100)),
        ("bytes=99-", Span(99, 100)),
        ("bytes=0-", Span(0, 100)),
        ("bytes=-1", Span(99, 100)),
        ("bytes=-1000", Span(0, 100)),
        ("bytes= 5-6 ", Span(5, 7)),
        ("bytes=5-4", None),  # not a range: everything
        ("bytes=-", None),
        ("bytes=1-2,4-5", None),
        ("items=1-2", None),
        ("bytes=a-b", None),
        ("bytes=" + "9" * 30 + "-", None),
    ],
)
def test_what_is_wanted_of_100_bytes(header: str | None, span: Span | None) -> None:
    assert wanted_span(header, 100) == span


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_ranges_behind_the_end(header: str) -> None:
    with pytest.raises(NotSatisfiable):
        wanted_span(header, 100)


def test_the_header_of_the_answer() -> None:
    assert Span(5, 10).content_range(100) == "bytes 5-9/100"
    assert Span(5, 10).size_bytes == 5
