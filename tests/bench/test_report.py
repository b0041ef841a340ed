"""Tables of measures."""

from pathlib import Path

import pytest

from bench.report import replace_section, spread, table
from bench.samples import Samples


def test_medians_and_ratios_above_one_mean_that_the_first_is_better() -> None:
    samples = Samples()
    for speed in (10.0, 300.0, 20.0):
        samples.add("A", "speed", "tokens/s", speed, more_is_better=True)
        samples.add("B", "speed", "tokens/s", 40.0, more_is_better=True)
    samples.add("A", "wait", "ms", 2.0)
    samples.add("B", "wait", "ms", 1234.0)
    samples.add("B", "memory", "MiB", 5.0)
    assert table(samples.rows(), ["A", "B"]) == [
        "|  | A | B | A ÷ B |",
        "| --- | ---: | ---: | ---: |",
        "| speed (tokens/s) | 20.0 | 40.0 | 0.50 (0.38 to 4.00) |",
        "| wait (ms) | 2.00 | 1,234 | 617.00 |",
        "| memory (MiB) |  | 5.00 |  |",
    ]


def test_the_ratio_is_the_median_of_the_rounds_not_the_ratio_of_the_medians() -> None:
    samples = Samples()
    for ours, theirs in ((100.0, 100.0), (50.0, 50.0), (10.0, 20.0)):  # a machine that slows down for both
        samples.add("A", "speed", "tokens/s", ours, more_is_better=True)
        samples.add("B", "speed", "tokens/s", theirs, more_is_better=True)
    assert "| 1.00 (0.75 to 1.00) |" in table(samples.rows(), ["A", "B"])[-1]


def test_a_round_that_one_side_lacks_is_an_error() -> None:
    samples = Samples()
    samples.add("A", "speed", "tokens/s", 1.0)
    samples.add("A", "speed", "tokens/s", 2.0)
    samples.add("B", "speed", "tokens/s", 1.0)
    with pytest.raises(ValueError, match="shorter"):
        table(samples.rows(), ["A", "B"])


@pytest.mark.parametrize(
    ("values", "median", "low", "high"),
    [([3.0], 3.0, 3.0, 3.0), ([1.0, 2.0], 1.5, 1.25, 1.75), ([5.0, 1.0, 2.0, 4.0, 3.0], 3.0, 2.0, 4.0)],
)
def test_the_spread_is_the_middle_half(values: list[float], median: float, low: float, high: float) -> None:
    found = spread(values)
    assert (found.median, found.low, found.high) == (median, low, high)


def test_a_section_is_replaced_and_others_are_kept(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    replace_section(page, "One", ["first"])
    replace_section(page, "Two", ["second"])
    replace_section(page, "One", ["again"])
    assert page.read_text() == "# Benchmarks\n\n## One\n\nagain\n\n## Two\n\nsecond\n"
