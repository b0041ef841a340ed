"""Times as texts, both ways."""

import pytest

from corral.app.times import rfc3339, unix_time


@pytest.mark.parametrize(
    ("text", "unix_s"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("2026-01-31T13:00:00+01:00", 1769860800.0),
        ("2026-01-31t12:00:00.250z", 1769860800.25),
        ("2026-01-31T12:00:00.123456789Z", 1769860800.123456),
    ],
)
def test_reading(text: str, unix_s: float) -> None:
    assert unix_time(text) == unix_s


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "20260131T120000Z",
        "2026-01-31 12:00:00Z",
        "2026-02-31T12:00:00Z",
        "2026-01-31T12:00:00+25:00",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
    ],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="time"):
        unix_time(text)


def test_writing() -> None:
    assert rfc3339(1769860800.25) == "2026-01-31T12:00:00.250Z"
    assert unix_time(rfc3339(1769860800.25)) == 1769860800.25
