"""The dashboard's measures, put into a table."""

import gzip
from pathlib import Path

from bench.dashboard import Line, packed_kb, table


def test_a_measure_stands_beside_its_target() -> None:
    assert table(
        [
            Line(measure="First paint", value=123.4, unit="ms", target=1000),
            Line(measure="Size", value=12.34, unit="kB"),
            Line(measure="Ten pages", value=0.512, unit="% of a core", target=1),
        ]
    ) == [
        "|  | measured | target |",
        "| --- | ---: | ---: |",
        "| First paint (ms) | 123 | < 1000 |",
        "| Size (kB) | 12.3 |  |",
        "| Ten pages (% of a core) | 0.51 | < 1 |",
    ]


def test_sizes_are_those_after_gzip(tmp_path: Path) -> None:
    for name in ("a.js", "b.css"):
        (tmp_path / name).write_text(name * 5_000)
    packed = sum(len(gzip.compress(path.read_bytes(), 9)) for path in tmp_path.iterdir())
    assert packed_kb(sorted(tmp_path.iterdir())) == packed / 1000
