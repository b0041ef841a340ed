"""When a runtime may answer, and when it is looked at again."""

from dataclasses import replace

import pytest

from corral.app.runtimes.health import Facts, Status, judged, next_probe
from corral.app.runtimes.record import RuntimeRecord, RuntimeSettings
from tests.app.runtimes.records import NODE, NOW, record

TIMEOUT_S = 60.0
FRESH = Facts(known_since=NOW)
REACHED = Facts(known_since=NOW, heard_at=NOW + 10, reached_at=NOW + 1, tried_at=NOW + 1, wants_probe=False)


@pytest.mark.parametrize(
    ("runtime", "facts", "at", "status"),
    [
        (record(), FRESH, 0, Status.REGISTERING),
        (record(), replace(FRESH, failures=5, error="refused"), 1, Status.REGISTERING),
        (record(), FRESH, 61, Status.OFFLINE),
        (record(), REACHED, 11, Status.ONLINE),
        (record(), REACHED, 70, Status.ONLINE),
        (record(), REACHED, 71, Status.OFFLINE),
        (record(), replace(REACHED, initializing=True), 11, Status.INITIALIZING),
        (record(), replace(REACHED, failures=1, error="broke"), 11, Status.ERROR),
        (record(), replace(REACHED, failures=2, error="broke"), 11, Status.OFFLINE),
        (record(), replace(REACHED, heard_at=None), 59, Status.ONLINE),  # a new router gives it time
        (record(disconnected=True), REACHED, 11, Status.OFFLINE),
        (record(settings=RuntimeSettings(enabled=False)), REACHED, 11, Status.DISABLED),
        (record(only_from=NODE), REACHED, 11, Status.ONLINE),
        (record(only_from="OTHER"), REACHED, 11, Status.OFFLINE),
    ],
)
def test_a_runtime_s_status(runtime: RuntimeRecord, facts: Facts, at: float, status: Status) -> None:
    judgement = judged(runtime, facts, node=NODE, now=NOW + at, timeout_s=TIMEOUT_S)
    assert judgement.status is status
    plain = (Status.ONLINE, Status.INITIALIZING)
    assert (judgement.reason is None) == (
        status in plain or (facts == FRESH and status is Status.REGISTERING)
    )


@pytest.mark.parametrize(
    ("runtime", "facts", "due"),
    [
        (record(), FRESH, -NOW),  # at once
        (record(), REACHED, 31),
        (record(), replace(REACHED, wants_probe=True), -NOW),
        (record(), replace(REACHED, failures=1), 2),
        (record(), replace(REACHED, failures=3), 5),
        (record(), replace(REACHED, failures=99), 31),
        (record(), replace(REACHED, failures=99, wants_probe=True), 2),
        (record(), replace(REACHED, heard_at=NOW, tried_at=NOW + 31), None),  # silent until then
        (record(disconnected=True), FRESH, None),
        (record(only_from="OTHER"), FRESH, None),
    ],
)
def test_when_its_models_are_asked_for(runtime: RuntimeRecord, facts: Facts, due: float | None) -> None:
    found = next_probe(runtime, facts, node=NODE, timeout_s=TIMEOUT_S)
    assert found == (None if due is None else NOW + due)
