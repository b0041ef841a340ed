"""When a node beats, and whom it tells."""

import itertools

import pytest

from corral.peers.election.pacing import Pacing
from corral.peers.election.timing import Timing
from corral.peers.ids import NodeId

OTHERS = [NodeId(f"N{number:02d}") for number in range(18)]


@pytest.mark.parametrize(("settled", "beats"), [(False, 4), (True, 16)])
def test_every_other_follower_has_its_turn(settled: bool, beats: int) -> None:
    pacing = Pacing(Timing(), 0.0)
    told: list[NodeId] = []
    for beat in range(beats):
        pacing.begin(beat * 0.5)
        told += pacing.rotation(OTHERS, settled=settled)
    assert set(told) == set(OTHERS)
    assert pacing.rotation_s(len(OTHERS), settled=settled) == beats * 0.5
    assert pacing.rotation([], settled=False) == ()


def test_beats_out_of_turn_are_apart_and_few() -> None:
    timing = Timing()
    pacing = Pacing(timing, 0.0)
    sent: list[float] = []
    now = 0.0
    while now < 60.0:
        pacing.want_relay(now)
        assert pacing.next_relay is not None
        now = max(now, pacing.next_relay)
        pacing.begin_relay(now)
        sent.append(now)
    gaps = [after - before for before, after in itertools.pairwise(sent)]
    assert min(gaps) >= timing.relay_gap - 1e-9
    assert len(sent) <= 60 * timing.relay_rate + timing.relay_burst + 1


def test_the_beat_is_steady_and_skips_what_was_missed() -> None:
    pacing = Pacing(Timing(), 0.0)
    pacing.begin(0.01)
    assert pacing.next_beat == 0.5
    pacing.begin(0.6)
    assert pacing.next_beat == 1.0
    pacing.begin(7.0)
    assert pacing.next_beat == 7.5
