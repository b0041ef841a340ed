"""How long the parts of an answer took, in nanoseconds, as Ollama tells it. Pure, but for the clock."""

from collections.abc import Callable

from corral.app.gateway.trace import Trace

_NS = 1_000_000_000


class Timing:
    """Of one answer, from now on. `warm`: the model was loaded already."""

    def __init__(self, trace: Trace, *, warm: bool, clock: Callable[[], float]) -> None:
        self._trace = trace
        self._warm = warm
        self._clock = clock
        self._began = clock()

    def durations(self) -> dict[str, int]:
        """Call at the end. What came before the first token of a model that had to be loaded counts as loading: how
        much of it was the prompt isn't known. Waiting for a slot does too."""
        total_s = self._clock() - self._began
        first_s = min(total_s, total_s if self._trace.first_token_s is None else self._trace.first_token_s)
        load_s = min(first_s, self._trace.queued_s) if self._warm else first_s
        return {
            "total_duration": _ns(total_s),
            "load_duration": _ns(load_s),
            "prompt_eval_duration": _ns(first_s - load_s),
            "eval_duration": _ns(total_s - first_s),
        }


def _ns(seconds: float) -> int:
    return max(0, round(seconds * _NS))
