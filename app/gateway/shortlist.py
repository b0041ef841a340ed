"""With very many endpoints not all are looked at for each request, so that choosing stays cheap. Pure."""

from collections.abc import Sequence

from corral.app.gateway.choice import Ranked
from corral.app.gateway.endpoint import Endpoint, EndpointId

MOST_LOOKED_AT = 64  # with no more than these all are
_BEST, _IN_TURN = 32, 24
_MOST_MODELS = 4096


class Shortlist:
    """The best of last time, who had the prompt's beginning, and some others in turn, so that none is forgotten."""

    def __init__(self) -> None:
        self._best: dict[str, list[EndpointId]] = {}  # of each model

    def of(
        self, endpoints: Sequence[Endpoint], model: str, *, turn: int, holder: EndpointId | None
    ) -> Sequence[Endpoint]:
        """Those to look at; `holder` had the longest beginning last."""
        count = len(endpoints)
        if count <= MOST_LOOKED_AT:
            return endpoints
        start = turn * _IN_TURN
        in_turn = [endpoints[(start + number) % count] for number in range(_IN_TURN)]
        wanted = {*self._best.get(model, ()), holder} - {each.id for each in in_turn}
        return [*in_turn, *(each for each in endpoints if each.id in wanted)]

    def note(self, model: str, order: Sequence[Ranked]) -> None:
        """How they were ranked."""
        if len(self._best) >= _MOST_MODELS:
            self._best.clear()
        self._best[model] = [each.id for each in order[:_BEST]]
