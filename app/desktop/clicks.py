"""Which clicks on the icon mean: open the dashboard. Pure."""

DOUBLE_S = 0.5


class DoubleClick:
    """Backends report single clicks, and a double-click as two of them: two within `DOUBLE_S` count."""

    def __init__(self) -> None:
        self._last: float | None = None

    def clicked(self, now: float) -> bool:
        """Whether this one completes a double-click; a third one begins anew. `now` in seconds of any steady clock."""
        double = self._last is not None and now - self._last <= DOUBLE_S
        self._last = None if double else now
        return double
