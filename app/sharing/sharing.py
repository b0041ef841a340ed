"""Whether this machine works for the others: somebody who needs it for something else can pause that, until it starts again."""

from collections.abc import Callable


class Sharing:
    """On at each start."""

    def __init__(self) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._paused = False

    @property
    def paused(self) -> bool:
        return self._paused

    def set_paused(self, paused: bool) -> None:
        """Returns at once; what runs here already goes on."""
        if paused != self._paused:
            self._paused = paused
            self.on_change()
