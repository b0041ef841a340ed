from corral.peers.cluster.outgoing import SUMMARY_EVERY_S, Outgoing
from corral.peers.ids import NodeId
from corral.peers.replication.messages import Summary, decode_summary

ANNA = NodeId("ANNA")


def summary(last: int = 1, wall_ms: int = 1000) -> Summary:
    return Summary(log="log", last=last, digest="0" * 32, wall_ms=wall_ms)


def told(outgoing: Outgoing, given: Summary, *, load: bytes = b"", now: float = 0.0) -> tuple[bool, bytes]:
    """Whether the next beat has the summary, and its load."""
    beat = outgoing.beat(ANNA, election=b"e", summary=given, load=load, now=now)
    assert beat.election == b"e"
    return bool(beat.replica), beat.load


def test_what_didnt_change_is_left_out() -> None:
    outgoing = Outgoing()
    assert told(outgoing, summary(), load=b"x") == (True, b"x")
    assert told(outgoing, summary(wall_ms=1500), load=b"x", now=0.5) == (False, b"")


def test_what_changed_is_said() -> None:
    outgoing = Outgoing()
    told(outgoing, summary(1), load=b"x")
    assert told(outgoing, summary(2), load=b"x") == (True, b"")
    assert told(outgoing, summary(2), load=b"y") == (False, b"y")


def test_the_summary_comes_again_after_a_while_with_the_clock_of_then() -> None:
    outgoing = Outgoing()
    told(outgoing, summary())
    beat = outgoing.beat(ANNA, election=b"", summary=summary(wall_ms=9000), load=b"", now=SUMMARY_EVERY_S)
    assert decode_summary(beat.replica).wall_ms == 9000


def test_a_new_link_is_told_everything() -> None:
    outgoing = Outgoing()
    told(outgoing, summary(), load=b"x")
    outgoing.begin(ANNA)
    assert told(outgoing, summary(), load=b"x") == (True, b"x")
