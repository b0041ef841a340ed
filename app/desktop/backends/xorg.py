"""X11 without GTK: no menu and no notifications. pystray never asks for clicks, and draws black where the icon is clear."""

import importlib
import signal
import threading
from collections.abc import Callable, Mapping
from typing import Any

_END = getattr(signal, "SIGUSR1", signal.SIGTERM)  # Windows has neither it nor X11
_DARK: tuple[int, int, int] = (40, 40, 44)  # where the panel's colour can't be read


def spare_extensions() -> None:
    """Let python-xlib load none of X's extensions when it connects, as pystray does when it is imported: an icon needs none."""
    importlib.import_module("Xlib.ext").__extensions__ = []  # type: ignore[attr-defined]


def methods(base: Any) -> Mapping[str, Any]:
    """What replaces methods of pystray's icon."""
    x11 = importlib.import_module("Xlib.X")
    images = importlib.import_module("PIL.Image")

    def create_window(self: Any) -> Any:
        window = base._create_window(self)
        wanted = x11.ExposureMask | x11.StructureNotifyMask | x11.ButtonPressMask
        window.change_attributes(event_mask=wanted)
        return window

    def assert_icon_data(self: Any, width: int, height: int) -> None:
        if self._icon_data and self._icon_data.size == (width, height):
            return
        icon = self._icon.resize((width, height), images.Resampling.LANCZOS)
        flat = images.new("RGB", (width, height), _behind(self))
        flat.paste(icon, mask=icon)
        flat.tostring = flat.tobytes  # python-xlib calls it by its old name
        self._icon_data = flat

    return {"_create_window": create_window, "_assert_icon_data": assert_icon_data}


class _Ended(Exception):
    """Ends the loop from within."""


def end_loop() -> None:
    """Let the main thread leave pystray's loop. Its own way can lose the message, when it and we use the connection at once."""
    main = threading.main_thread().ident
    if main is not None:
        signal.pthread_kill(main, _END)


def listen_for_end(is_running: Callable[[], bool]) -> None:
    """Call it on the main thread, before the loop: that catches whatever is raised in it, and ends."""

    def ended(_number: int, _frame: object) -> None:
        if is_running():
            raise _Ended

    signal.signal(_END, ended)


def is_docked(icon: Any) -> bool:
    """Whether a panel has taken it."""
    return icon._systray_manager is not None


def _behind(icon: Any) -> tuple[int, int, int]:
    """The panel's colour: of the pixel to the left of the icon."""
    root = icon._display.screen().root
    try:
        place = icon._window.translate_coords(root, 0, 0)
        x, y = -place.x - 1, -place.y + 1
        if x < 0 or y < 0:
            return _DARK
        blue, green, red = root.get_image(x, y, 1, 1, 2, 0xFFFFFFFF).data[:3]  # 2: ZPixmap
    except Exception:  # noqa: BLE001 - python-xlib's errors have no common base; it is only a colour
        return _DARK
    return red, green, blue
