"""Tables of measures."""

from pathlib import Path

from bench.report import replace_section, table
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
        "| speed (tokens/s) | 20.0 | 40.0 | 0.50 |",
        "| wait (ms) | 2.00 | 1,234 | 617.00 |",
        "| memory (MiB) |  | 5.00 |  |",
    ]


def test_a_section_is_replaced_and_others_are_kept(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    replace_section(page, "One", ["first"])
    replace_section(page, "Two", ["second"])
    replace_section(page, "One", ["again"])
    assert page.read_text() == "# Benchmarks\n\n## One\n\nagain\n\n## Two\n\nsecond\n"
