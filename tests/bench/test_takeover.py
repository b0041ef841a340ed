"""What a dead router's clients saw, put into numbers."""

import pytest

from bench.takeover import Kill, counted, percentile, table
from bench.takeover_clients import Outcome, Streamed, judged

TEXT = '{"choices": [{"delta": {"content": "word"}}]}'
ERROR = '{"error": {"message": "the machine that was answering is gone"}}'


@pytest.mark.parametrize(
    ("status", "data", "outcome"),
    [
        (200, [TEXT, TEXT, "[DONE]"], Outcome.ANSWERED),
        (200, [TEXT, ERROR, "[DONE]"], Outcome.CUT),
        (200, [TEXT, TEXT], Outcome.CUT),
        (200, [ERROR, "[DONE]"], Outcome.LOST),
        (200, [], Outcome.LOST),
        (503, [], Outcome.LOST),
        (None, [], Outcome.LOST),
    ],
)
def test_a_stream_is_answered_cut_or_lost(status: int | None, data: list[str], outcome: Outcome) -> None:
    assert judged(status, data)[0] is outcome


def test_chats_that_waited_are_those_without_a_byte_while_there_was_no_router() -> None:
    def chat(sent_at: float, first_at: float | None, outcome: Outcome = Outcome.ANSWERED) -> Streamed:
        return Streamed(sent_at=sent_at, first_at=first_at, outcome=outcome)

    streamed = [
        chat(1.0, 2.0, Outcome.CUT),  # had begun
        chat(9.9, 11.0),  # was sent before
        chat(10.5, 11.0),  # came meanwhile
        chat(10.6, None, Outcome.LOST),
        chat(12.0, 12.1),  # came later
    ]
    assert counted(streamed, 10.0, 11.0) == (3, 1, 1)


@pytest.mark.parametrize(("percent", "value"), [(50, 25.0), (99, 50.0), (98, 49.0), (1, 1.0)])
def test_a_percentile_is_one_of_the_values(percent: int, value: float) -> None:
    assert percentile([float(each) for each in range(50, 0, -1)], percent) == value


def test_the_table_says_what_was_lost_and_what_is_missing() -> None:
    kills = [
        Kill(door_s=0.5, name_s=1.0, waited=20, lost=0, cut=6, missing=()),
        Kill(door_s=1.5, name_s=3.0, waited=22, lost=1, cut=5, missing=("the key",)),
    ]
    lines = table(kills)
    assert "| 1.00 | 1.50 | 1.50 | 2 and 4 |" in lines[2]
    assert "| 2.00 | 3.00 | 3.00 | 2 and 4 |" in lines[3]
    assert "42 streamed chats" in lines[-1]
    assert "lost: 1. 11 were cut" in lines[-1]
    assert lines[-1].endswith("Missing afterwards: the key.")
    assert table(kills[:1])[-1].endswith("Nothing was missing afterwards.")
