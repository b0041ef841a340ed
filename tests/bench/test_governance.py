"""The arithmetic of the costs of governance."""

from bench.governance import BARE, FULL, UNRECORDED, Sample, line


def sample(p50_ms: float, requests_per_s: float, processor_ms: float) -> Sample:
    return Sample(p50_ms=p50_ms, requests_per_s=requests_per_s, processor_ms=processor_ms)


def test_costs_are_compared_within_rounds_only() -> None:
    """The machine slows down to a tenth for one round: for all three."""
    rounds = [
        {
            BARE: sample(1 * slow, 1000 / slow, 1),
            UNRECORDED: sample(1.3 * slow, 900 / slow, 2),
            FULL: sample(1.5 * slow, 810 / slow, 2.1),
        }
        for slow in (1, 10, 1)
    ]
    assert line("chat", 8, rounds) == (
        "| chat | 8 | 1.00 | 1.50 | 0.50 (0.50 to 2.75) | 1,000 | 900 | 810 | 10 % (10 to 10) | 5 % (5 to 5) |"
    )
