"""How the node's HTTP side reaches the window, where there is one."""

from collections.abc import Callable


class WindowLink:
    """Whoever owns a window sets `on_show`, which must return at once."""

    def __init__(self) -> None:
        self.on_show: Callable[[], None] | None = None

    def show(self) -> bool:
        """False: there is no window."""
        if self.on_show is None:
            return False
        self.on_show()
        return True
