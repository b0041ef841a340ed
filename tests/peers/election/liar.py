"""A member that says what it likes, within what the wire lets through."""

import random

from corral.peers.election.messages import (
    ALIVE,
    MOST_TERM,
    Beat,
    Claim,
    ClaimRef,
    Deny,
    Elect,
    Message,
    Sighting,
    Takeover,
)
from corral.peers.ids import NodeId
from tests.peers.election.simulated_network import Network
from tests.peers.election.simulated_node import SimulatedNode


def lie(net: Network, liar: SimulatedNode, rng: random.Random) -> None:
    """Some members get a message from the liar."""
    for node in net.nodes.values():
        if node is not liar and rng.random() < 0.7:
            net.at(net.now + rng.uniform(0, 0.1), net.deliver, liar.id, node, falsehood(net, rng))


def falsehood(net: Network, rng: random.Random) -> Message:
    """A message that the wire lets through and no elector sends."""
    kind = rng.randrange(6)
    if kind < 3:
        return Beat(
            boot=rng.choice((0, 1, _number(rng))),
            number=_number(rng),
            prio=rng.randrange(10_001),
            pinned=rng.random() < 0.5,
            max_term=_number(rng),
            follows=_ref(net, rng),
            claims=tuple(_sighting(net, rng) for _ in range(rng.randrange(7))),
            refused=rng.choice((None, _ref(net, rng))),
            wants=rng.random() < 0.5,
            pace_ms=rng.choice((0, 500, 600_000)),
        )
    if kind == 3:
        return Elect(term=_number(rng), prio=10_000, pinned=True, refused=_ref(net, rng))
    if kind == 4:
        return Deny(term=rng.choice((_number(rng), _ref(net, rng).term + 1)), why=ALIVE)
    return Takeover(claim=_ref(net, rng))


def _number(rng: random.Random) -> int:
    return rng.choice((0, 1, rng.randrange(100), MOST_TERM))


def _ref(net: Network, rng: random.Random) -> ClaimRef:
    """A claim that is or isn't there."""
    real = [net.elector(node).claim for node in net.nodes.values() if node.runs]
    router = rng.choice([*net.nodes, NodeId("nobody")])
    return rng.choice([*(claim for claim in real if claim is not None), ClaimRef(_number(rng), router)])


def _sighting(net: Network, rng: random.Random) -> Sighting:
    absorbs = tuple(_ref(net, rng) for _ in range(rng.choice((0, 0, 8))))
    claim = Claim(_ref(net, rng), _number(rng), rng.randrange(10_001), 10_000, rng.random() < 0.5, absorbs)
    return Sighting(claim, rng.choice((0, 100, 600_000)))
