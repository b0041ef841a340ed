"""Begins second copies of models by itself, where the router sees that they pay."""

import time
from collections.abc import Callable, Sequence

import structlog

from corral.app.cluster.errors import ClusterError
from corral.app.model_copy.control import CopyControl
from corral.app.model_copy.copies import State
from corral.app.model_copy.errors import CopyError
from corral.app.model_copy.second_copy import AGAIN_S, Pair, Site, WaitLog, Wanted, second_copy
from corral.app.model_copy.view import View
from corral.engines.errors import EngineError

LOOK_S = 30.0
_UNDER_WAY = frozenset(state for state in State if not state.ended)
_LOG = structlog.get_logger(__name__)


class Automatic:
    """Call `look` every LOOK_S. One copy at a time in the whole cluster."""

    def __init__(
        self,
        *,
        control: CopyControl,
        view: View,
        waits: WaitLog,
        sites: Callable[[], Sequence[Site]],
        is_router: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`waits` has what waited at this machine's gateway."""
        self._control = control
        self._view = view
        self._waits = waits
        self._sites = sites
        self._is_router = is_router
        self._clock = clock
        self._tried: dict[Pair, float] = {}

    async def look(self) -> None:
        """Begin a copy if one pays now."""
        if not self._is_router():
            return
        if any(copy.state in _UNDER_WAY for _, copy in self._view.copies()):
            return
        now = self._clock()
        self._tried = {pair: at for pair, at in self._tried.items() if now - at < AGAIN_S}
        found = second_copy(self._wanted(now), self._sites(), tried=self._tried, now=now)
        if found is None:
            return
        self._tried[found] = now
        model, node = found
        try:
            await self._control.copy(model=model, to=node)
            _LOG.info("requests often wait for a model, so another machine gets it", model=model, node=node)
        except (CopyError, ClusterError, EngineError) as error:
            _LOG.info("a second copy would pay, but can't be made", model=model, reason=error.message)

    def _wanted(self, now: float) -> list[Wanted]:
        found = []
        for model, minutes in self._waits.slow_minutes(now).items():
            holders = self._view.holders(model)
            if holders:
                found.append(
                    Wanted(
                        model=model,
                        slow_minutes=minutes,
                        size_bytes=max(each.size_bytes for each in holders),
                        on=frozenset(each.node for each in holders),
                    )
                )
        return found
