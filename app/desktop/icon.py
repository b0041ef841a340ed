"""The icon on the panel, by pystray, with what its backends lack. Only this file knows pystray's own classes."""

import importlib
import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from corral.app.desktop import words
from corral.app.desktop.backends import darwin, win32, xorg
from corral.app.desktop.backends.choice import VARIABLE, Choice
from corral.app.desktop.look import Look
from corral.app.desktop.menu import SEPARATOR, Item, Order

NAME = "corral"
_MOST_TITLE = 127  # Windows has room for no more
_MOST_NOTICE_TITLE, _MOST_NOTICE = 63, 255


class NoIcon(Exception):
    """There can be none here; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What the icon tells. All but `ready` may come on any thread and have to return at once."""

    clicked: Callable[[], None]
    ordered: Callable[[Order], None]
    ready: Callable[[], None]  # on the main thread, when the loop has taken the signals' handlers
    appeared: Callable[[], None]  # from now on `show` and `notify` may be called
    leave: Callable[[], None]


class TrayIcon:
    """Make it and `run` it on the main thread."""

    def __init__(self, choice: Choice, calls: Calls, image: Callable[[Look], Any]) -> None:
        """Raises NoIcon. `image` draws."""
        self._pystray = _loaded(choice)
        self._calls = calls
        self._image = image
        self._look = Look.STARTING
        self._title = ""
        self._menu: tuple[Item, ...] = ()
        self._stopping = threading.Event()
        self._turn = threading.Lock()  # X11's backend mixes up answers when two threads ask
        self.is_running = False
        self.backend = self._pystray.Icon.__module__.rpartition("._")[2]
        self._icon = self._made()

    def run(self) -> None:
        """Until `stop`."""
        if self.backend == "xorg":
            xorg.listen_for_end(lambda: self.is_running)
        try:
            self._icon.run(setup=lambda _icon: self._on_main(self._appear))
        finally:
            self.is_running = False

    def stop(self) -> None:
        """Let `run` return. From any thread; nothing is shown after it."""
        if not self._stopping.is_set():
            self._stopping.set()
            if self.backend == "xorg":
                xorg.end_loop()
            else:
                self._on_main(self._icon.stop)

    def show(self, look: Look, title: str, menu: tuple[Item, ...]) -> None:
        """From any thread but the main one; only what is different is touched: an open menu closes when it is replaced."""
        with self._turn:
            self._on_main(lambda: self._shown(look, self._fitting(title), menu))

    def notify(self, title: str, text: str) -> None:
        """Quietly nothing where the desktop has no notifications."""
        if self._icon.HAS_NOTIFICATION:
            self._on_main(lambda: self._notified(title, text))

    def dock_again(self) -> None:
        """For a panel that comes after us: X11's icons dock only once by themselves."""
        if self.backend == "xorg" and not xorg.is_docked(self._icon):
            with self._turn:
                self._on_main(self._draw_again)

    def appear_again(self) -> None:
        """A panel that asks about an AppIndicator while it is being made may leave it out until its status changes."""
        if self.backend == "appindicator":
            with self._turn:
                self._on_main(self._appear_again)

    def is_docked(self) -> bool:
        """Whether a panel shows it, as far as the backend knows."""
        if self.backend == "xorg":
            return xorg.is_docked(self._icon)
        return bool(self._icon._status_icon.is_embedded()) if self.backend == "gtk" else True

    def in_loop(self, call: Callable[[], None]) -> None:
        """Let the loop's own thread make a call: GTK's clipboard wants it. From any thread; returns at once."""
        if self.backend in ("gtk", "appindicator"):
            importlib.import_module("gi.repository.GLib").idle_add(call)
        else:
            self._on_main(call)

    # --- on the main thread, or where pystray passes it on by itself

    def _appear(self) -> None:
        if not self._stopping.is_set():
            self._icon.visible = True
            self._calls.appeared()

    def _shown(self, look: Look, title: str, menu: tuple[Item, ...]) -> None:
        if self._stopping.is_set():  # X11's backend would wait for ever for a loop that has ended
            return
        if look is not self._look:
            self._look = look
            self._icon.icon = self._image(look)
        if title != self._title:
            self._title = title
            self._icon.title = title
        if menu != self._menu:
            self._menu = menu
            self._icon.menu = self._pystray_menu(menu)

    def _notified(self, title: str, text: str) -> None:
        if not self._stopping.is_set():
            self._icon.notify(
                words.one_line(text, _MOST_NOTICE), title=words.one_line(title, _MOST_NOTICE_TITLE)
            )

    def _draw_again(self) -> None:
        if not self._stopping.is_set():
            self._icon.icon = self._image(self._look)

    def _appear_again(self) -> None:
        if not self._stopping.is_set():
            self._icon.visible = False
            self._icon.visible = True

    def _on_main(self, call: Callable[[], None]) -> None:
        if self.backend == "darwin":
            darwin.on_main(call)
        else:
            call()

    # --- its parts

    def _made(self) -> Any:
        base, calls = self._pystray.Icon, self._calls

        def clicked(_icon: Any) -> None:
            calls.clicked()

        def mark_ready(icon: Any) -> None:
            icon._thread = threading.current_thread()  # X11's backend is asked for it before it sets it
            self.is_running = True
            calls.ready()
            base._mark_ready(icon)

        changed = {"__call__": clicked, "_mark_ready": mark_ready}
        if self.backend == "xorg":
            changed.update(xorg.methods(base))
        icon = type("CorralIcon", (base,), changed)(
            NAME, self._image(self._look), self._fitting(words.PROGRAM), menu=self._pystray_menu(self._menu)
        )
        if self.backend == "win32":
            win32.let_the_session_end(icon, calls.leave)
        return icon

    def _pystray_menu(self, items: Sequence[Item]) -> Any:
        return self._pystray.Menu(*(self._pystray_item(each) for each in items))

    def _pystray_item(self, item: Item) -> Any:
        if item is SEPARATOR:
            return self._pystray.Menu.SEPARATOR
        checked = None if item.checked is None else lambda _item: bool(item.checked)
        if item.children:
            return self._pystray.MenuItem(item.text, self._pystray_menu(item.children))
        order = item.order

        def activated(_icon: Any, _item: Any) -> None:
            if order is not None:
                self._calls.ordered(order)

        return self._pystray.MenuItem(
            item.text, activated, checked=checked, default=item.default, enabled=item.enabled
        )

    def _fitting(self, title: str) -> str:
        title = words.one_line(title, _MOST_TITLE)
        if self.backend == "xorg":  # window names are Latin-1 there
            title = title.replace("…", "...").encode("latin-1", "replace").decode("latin-1")
        return title


def _loaded(choice: Choice) -> Any:
    if choice.why_not is not None:
        raise NoIcon(choice.why_not)
    if choice.backend is not None:
        os.environ[VARIABLE] = choice.backend  # how pystray is told
    logging.getLogger("pystray").setLevel(
        logging.CRITICAL
    )  # it writes a trace whenever no panel is there yet
    try:
        if choice.backend == "xorg":
            xorg.spare_extensions()
        return importlib.import_module("pystray")
    except Exception as error:
        raise NoIcon(f"the desktop can't be used ({type(error).__name__}: {error})") from error
