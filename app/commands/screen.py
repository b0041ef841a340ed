"""Showing tables, JSON and sizes to the person at the terminal."""

import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDE = 10_000  # into a pipe nothing is cut off
_UNITS = ("B", "kB", "MB", "GB", "TB")


def show_json(value: object) -> None:
    """For programs."""
    print(json.dumps(value, indent=2))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """For people: a row each, no frame; no head if no column has a name."""
    console = Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)
    table = Table(
        box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_header=any(columns)
    )
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def size(size_bytes: int) -> str:
    """A size in bytes as people write it."""
    value = float(size_bytes)
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit in _UNITS[:2] or value >= 100 else f"{value:.1f} {unit}"


def duration(seconds: float) -> str:
    """A time span in its largest unit."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def printable(text: str) -> str:
    """Text without characters that would control the terminal."""
    return "".join(each for each in text if each in "\n\t" or each.isprintable())
