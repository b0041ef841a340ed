"""The tray's memory, put into a table."""

import os

from bench.tray import Held, Row, held, table


def test_a_backend_stands_beside_its_icon_alone() -> None:
    program = Held(resident=117_250_000, proportional=95_000_000, own=90_000_000)
    alone = Held(resident=21_000_000, proportional=15_000_000, own=12_000_000)
    assert table([Row(name="X11", program=program, alone=alone)])[2:] == [
        "| X11 | 117.2 | < 120 | 95.0 | 90.0 | 21.0 |"
    ]


def test_it_is_read_from_the_system() -> None:
    now = held(os.getpid())
    assert 0 < now.own <= now.proportional <= now.resident
