"""How much answers at the same time slow each other down at one place, learned from those that ended. Pure.

A token takes a + b x (others at the same time) seconds; crowding is b / a. It is a weighted least-squares line through
what was seen, newer answers counting more, and through two points of the usual crowding as long as little was seen.
"""

from corral.app.gateway.pace import CROWDING

_KEEPS = 0.97  # of the weight of earlier answers, with each new one
_PRIOR_WEIGHT = 1.5  # answers at each of the two points
_PRIOR_OTHERS = 4.0
_LEAST, _MOST = 0.02, 1.5


class Crowding:
    """At one place."""

    __slots__ = ("_sums", "value")

    def __init__(self) -> None:
        self._sums = (0.0, 0.0, 0.0, 0.0, 0.0)  # weight, x, y, x·x, x·y
        self.value = CROWDING

    def see(self, others: float, token_s: float, *, alone_s: float) -> None:
        """An answer's tokens took so long each; `alone_s`: what is thought that they take alone."""
        seen = (1.0, others, token_s, others * others, others * token_s)
        weight, x, y, xx, xy = (_KEEPS * old + new for old, new in zip(self._sums, seen, strict=True))
        self._sums = weight, x, y, xx, xy
        usual_s = alone_s * (1.0 + CROWDING * _PRIOR_OTHERS)
        weight += 2.0 * _PRIOR_WEIGHT
        x += _PRIOR_WEIGHT * _PRIOR_OTHERS
        y += _PRIOR_WEIGHT * (alone_s + usual_s)
        xx += _PRIOR_WEIGHT * _PRIOR_OTHERS**2
        xy += _PRIOR_WEIGHT * _PRIOR_OTHERS * usual_s
        slope = (weight * xy - x * y) / (weight * xx - x * x)
        start = (y - slope * x) / weight
        self.value = min(_MOST, max(_LEAST, slope / start)) if start > 0.0 else _MOST
