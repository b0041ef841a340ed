"""Pausing of a node that is alone in its cluster."""

from corral.app.sharing.assembly import Pausing
from corral.app.sharing.sharing import Sharing
from tests.app.cluster.lone import Lone


def lone_pausing(lone: Lone) -> Pausing:
    """Only this one can be paused."""
    return Pausing(
        node=lone.copying.view.node,
        sharing=Sharing(),
        find=lone.copying.control.node,
        members=lone.members,
        client=lone.client,
        claim=lambda: "",
        accepts=lambda claim: False,
    )
