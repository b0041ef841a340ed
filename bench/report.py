"""Tables of what was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measure of every server; a server that has no value for it is left out."""

    measure: str
    unit: str
    values: Mapping[str, float]
    more_is_better: bool = False


def table(rows: Sequence[Row], servers: Sequence[str]) -> list[str]:
    """Markdown with the ratio of the first server to each other; above 1 the first one is better."""
    first, *others = servers
    header = ["", *servers, *(f"{first} ÷ {other}" for other in others)]
    lines = [_line(header), _line(["---", *["---:"] * (len(header) - 1)])]
    for row in rows:
        values = [_number(row.values.get(server)) for server in servers]
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
    ours, theirs = row.values.get(first), row.values.get(other)
    if not ours or not theirs:
        return ""
    return f"{ours / theirs if row.more_is_better else theirs / ours:.2f}"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
