"""Where the models of a node are that is alone in its cluster."""

from collections.abc import Callable, Mapping, Sequence

from corral.app.gateway.endpoint import Endpoint
from corral.app.placing.assembly import Placing
from corral.engines.pool import ModelPool
from tests.app.cluster.lone import Lone


def lone_placing(
    pool: ModelPool,
    lone: Lone,
    elsewhere: Mapping[str, Callable[[], Sequence[Endpoint]]],
    patience_s: float,
) -> Placing:
    """Whoever loads a model by name waits `patience_s`."""
    return Placing(
        pool=pool,
        copying=lone.copying,
        members=lone.members,
        client=lone.client,
        others=lone.others,
        claim=lambda: "",
        accepts=lambda claim: False,
        elsewhere=elsewhere,
        patience_s=patience_s,
    )
