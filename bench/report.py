"""Tables of what was measured."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measure, with every server's samples in the order of the rounds; a server without samples is left out."""

    measure: str
    unit: str
    samples: Mapping[str, Sequence[float]]
    more_is_better: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The median of some numbers and the middle half of them."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value. Quartiles lie among the values, never outside of them."""
    if len(values) == 1:
        return Spread(median=values[0], low=values[0], high=values[0])
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median=middle, low=low, high=high)


def table(rows: Sequence[Row], servers: Sequence[str]) -> list[str]:
    """Markdown with medians, and the ratio of the first server to each other; above 1 the first one is better.

    A ratio is the median of the rounds' ratios, so that what disturbs a whole round disturbs it less; behind it stands
    the middle half of them.
    """
    first, *others = servers
    header = ["", *servers, *(f"{first} ÷ {other}" for other in others)]
    lines = [_line(header), _line(["---", *["---:"] * (len(header) - 1)])]
    for row in rows:
        values = [_median(row.samples.get(server)) for server in servers]
        ratios = [_ratio(row, first, other) for other in others]
        lines.append(_line([f"{row.measure} ({row.unit})", *values, *ratios]))
    return lines


def replace_section(page: Path, heading: str, lines: Sequence[str]) -> None:
    """Write `## heading` with these lines into the page, in place of the section of that name if there is one."""
    text = page.read_text(encoding="utf-8") if page.exists() else "# Benchmarks\n"
    title, *parts = text.rstrip().split("\n## ")
    sections = {part.partition("\n")[0]: part.rstrip() for part in parts}
    sections[heading] = "\n".join([heading, "", *lines]).rstrip()
    page.write_text("\n\n## ".join([title.rstrip(), *sections.values()]) + "\n", encoding="utf-8")


def _ratio(row: Row, first: str, other: str) -> str:
    ours, theirs = row.samples.get(first, ()), row.samples.get(other, ())
    if not ours or not theirs:
        return ""
    pairs = zip(ours, theirs, strict=True)
    ratios = spread([our / their if row.more_is_better else their / our for our, their in pairs])
    text = f"{ratios.median:.2f}"
    return text if len(ours) == 1 else f"{text} ({ratios.low:.2f} to {ratios.high:.2f})"


def _median(values: Sequence[float] | None) -> str:
    if not values:
        return ""
    value = statistics.median(values)
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
