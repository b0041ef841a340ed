"""Ids are UUIDs of version 7 that sort by time."""

import uuid

from corral.app.ids import new_id


def test_version_variant_and_time() -> None:
    made = uuid.UUID(new_id(1_700_000_000.123))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == 1_700_000_000_123


def test_they_differ_and_sort_by_time() -> None:
    made = [new_id(1_700_000_000 + second) for second in range(50)]
    assert sorted(made) == made
    soon = [new_id(1_700_000_000 + microseconds / 1e6) for microseconds in range(0, 2000, 5)]
    assert sorted(soon) == soon
    assert len({new_id(1.0) for _ in range(1000)}) == 1000
