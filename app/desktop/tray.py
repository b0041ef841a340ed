"""The program with an icon: the main thread belongs to the icon, the node runs in a thread, the window in a process."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable

import structlog

from corral.app.commands.node_client import NodeClient
from corral.app.desktop import words
from corral.app.desktop.art import tray_image
from corral.app.desktop.autostart import autostart_of, command_line
from corral.app.desktop.backends import darwin
from corral.app.desktop.backends.choice import choose, desktop_of
from corral.app.desktop.clicks import DoubleClick
from corral.app.desktop.clipboard import copy
from corral.app.desktop.feed import Feed
from corral.app.desktop.icon import Calls, TrayIcon
from corral.app.desktop.look import look_of
from corral.app.desktop.menu import Kind, Order, menu_of
from corral.app.desktop.node_thread import NodeThread, Serve
from corral.app.desktop.notices import notices
from corral.app.desktop.orders import Orders
from corral.app.desktop.panel import is_light_panel
from corral.app.desktop.view import View
from corral.app.desktop.window_link import WindowLink
from corral.app.desktop.window_process import Window
from corral.app.paths import DataDir
from corral.app.settings_table import Settings

_DOCK_EVERY_S, _DOCK_FOR_S = 10.0, 300.0  # a panel may come up after us
_KNOWN_S = 2.0  # by then the panel knows the icon
_SETTLE_S = 2.0  # threads of toolkits that have nothing left to do
_LOG = structlog.get_logger(__name__)


class Tray:
    """Made on the main thread; `run` it there, once."""

    def __init__(self, settings: Settings, *, link: WindowLink, say: Callable[[str], None]) -> None:
        """Raises NoIcon."""
        light = is_light_panel()
        calls = Calls(
            clicked=self._clicked,
            ordered=self._ordered,
            ready=self._ready,
            appeared=self._appeared,
            leave=self.leave,
        )
        environment = os.environ
        choice = choose(desktop_of(environment, has_display=True), environment, sys.platform)
        self._icon = TrayIcon(choice, calls, lambda look: tray_image(look, light_panel=light))
        self._settings = settings
        self._say = say
        self._clicks = DoubleClick()
        self._view = View()
        self._leaving = threading.Event()
        self._restarts = False
        self._autostart = autostart_of(sys.platform, environment, command_line())
        self._feed = Feed(settings, show=self._show)
        self._window = Window(url=self._dashboard_url, storage=DataDir(settings.data_dir).window, say=say)
        self._orders = Orders(
            settings,
            autostart=self._autostart,
            open_window=self._window.open,
            copy=self._copy,
            tell=lambda text: self._icon.notify(words.PROGRAM, text),
        )
        self._node: NodeThread | None = None
        link.on_show = lambda: self._ordered(Order(Kind.OPEN))

    def run(self, serve: Serve) -> bool:
        """Until somebody ends it; whether it shall start again. Raises what ended the node."""
        node = self._node = NodeThread(serve, on_end=self.leave)
        self._take_signals()
        node.start()
        try:
            self._icon.run()
        except Exception:  # noqa: BLE001 - whatever a desktop does, the node goes on
            if not self._leaving.is_set():
                _LOG.exception("the icon in the tray ended")
                self._say("The icon in the tray ended; the node goes on. Ctrl+C stops it.")
            self._leaving.wait()
        self._feed.stop()
        self._window.close()
        node.ask_to_stop()
        node.wait()
        _let_threads_end()
        if node.error is not None:
            raise node.error
        return self._restarts

    def leave(self) -> None:
        """From any thread; returns at once. Asked again, the node doesn't wait for answers any longer."""
        if self._leaving.is_set():
            if self._node is not None:
                self._node.ask_to_stop()
            return
        self._leaving.set()
        threading.Thread(target=self._icon.stop, name="leaving the tray", daemon=True).start()

    # --- the icon calls

    def _clicked(self) -> None:
        if self._clicks.clicked(time.monotonic()):
            self._ordered(Order(Kind.OPEN))

    def _ordered(self, order: Order) -> None:
        if order.kind is Kind.QUIT or order.kind is Kind.RESTART:
            self._restarts = order.kind is Kind.RESTART
            self.leave()
            return
        threading.Thread(target=self._carry_out, args=(order,), name="tray order", daemon=True).start()

    def _carry_out(self, order: Order) -> None:
        self._orders.carry_out(order)
        self._feed.look_soon()

    def _ready(self) -> None:
        self._take_signals()
        _LOG.info("icon in the tray", backend=self._icon.backend)

    def _appeared(self) -> None:
        self._feed.start()
        threading.Thread(target=self._dock, name="tray docking", daemon=True).start()

    # --- and is called

    def _show(self, view: View) -> None:
        before, self._view = self._view, view
        look = look_of(view)
        self._icon.show(look, words.tooltip(view, look), menu_of(view, look, at_login=self._at_login()))
        for notice in notices(before, view):
            self._icon.notify(notice.title, notice.text)

    def _at_login(self) -> bool | None:
        try:
            return self._autostart.is_on()
        except OSError:
            return None

    def _copy(self, text: str, told: str) -> None:
        self._icon.in_loop(lambda: self._icon.notify(words.PROGRAM, told if copy(text) else words.CANT_COPY))

    def _dashboard_url(self) -> str:
        with NodeClient.of(self._settings) as node:
            return node.dashboard_url()

    def _dock(self) -> None:
        if self._leaving.wait(_KNOWN_S):
            return
        self._icon.appear_again()
        told = False
        for _ in range(round(_DOCK_FOR_S / _DOCK_EVERY_S)):
            if self._leaving.wait(_DOCK_EVERY_S) or self._icon.is_docked():
                return
            if not told:
                told = True
                _LOG.warning("no panel shows the icon", backend=self._icon.backend)
                self._say(words.NO_PANEL)
            self._icon.dock_again()

    def _take_signals(self) -> None:
        """Handlers run on the main thread, whatever it is doing: they only begin to leave."""
        if sys.platform == "darwin" and self._icon.is_running:
            darwin.on_main(lambda: darwin.leave_on_signals(self.leave))
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: self.leave())


def _let_threads_end() -> None:
    """Toolkits may have threads that hold the process up for ever."""
    sys.stdout.flush()
    ends_at = time.monotonic() + _SETTLE_S
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(max(0.0, ends_at - time.monotonic()))
