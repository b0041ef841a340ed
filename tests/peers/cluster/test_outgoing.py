from corral.peers.cluster.outgoing import SUMMARY_EVERY_S, Outgoing
from corral.peers.ids import NodeId
from corral.peers.replication.messages import Summary, decode_summary

ANNA = NodeId("ANNA")


def summary(last: int = 1, wall_ms: int = 1000) -> Summary:
    return Summary(log="log", last=last, digest="0" * 32, wall_ms=wall_ms)


class Node:
    """What a node has to say, at a time."""

    def __init__(self) -> None:
        self.summary = summary()
        self.now = 0.0
        self.outgoing = Outgoing(summary=lambda: self.summary, clock=lambda: self.now)

    def tells(self, *, load: bytes = b"") -> tuple[bool, bytes]:
        """Whether the next beat has the summary, and its load."""
        self.outgoing.load = load
        beat = self.outgoing.beat(ANNA, election=b"e")
        assert beat.election == b"e"
        return bool(beat.replica), beat.load


def test_what_didnt_change_is_left_out() -> None:
    node = Node()
    assert node.tells(load=b"x") == (True, b"x")
    node.summary, node.now = summary(wall_ms=1500), 0.5
    assert node.tells(load=b"x") == (False, b"")


def test_what_changed_is_said() -> None:
    node = Node()
    node.tells(load=b"x")
    node.summary = summary(2)
    assert node.tells(load=b"x") == (True, b"")
    assert node.tells(load=b"y") == (False, b"y")


def test_the_summary_comes_again_after_a_while_with_the_clock_of_then() -> None:
    node = Node()
    node.tells()
    node.summary, node.now = summary(wall_ms=9000), SUMMARY_EVERY_S
    assert decode_summary(node.outgoing.beat(ANNA, election=b"").replica).wall_ms == 9000


def test_a_new_link_is_told_everything() -> None:
    node = Node()
    node.tells(load=b"x")
    node.outgoing.begin(ANNA)
    assert node.tells(load=b"x") == (True, b"x")
