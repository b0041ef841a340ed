"""Which endpoints may answer for a model, best first. Pure."""

from collections.abc import Sequence

from corral.app.gateway.endpoint import Endpoint


def candidates(endpoints: Sequence[Endpoint], model: str) -> list[Endpoint]:
    """Those that list the model; if nobody does, all of them: a file may just have been added."""
    having = [each for each in endpoints if each.listed_name(model) is not None]
    return having or list(endpoints)
