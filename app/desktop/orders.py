"""Does what people click in the menu. Blocking, so never on the main thread."""

from collections.abc import Callable, Mapping

import structlog

from corral.app.commands.errors import CommandError, NodeNotRunning
from corral.app.commands.node_client import NodeClient
from corral.app.desktop import words
from corral.app.desktop.autostart import Autostart
from corral.app.desktop.menu import Kind, Order
from corral.app.desktop.tray_key import tray_key
from corral.app.paths import DataDir
from corral.app.settings_table import Settings

_LOG = structlog.get_logger(__name__)


class Orders:
    """`tell` shows a text to whoever clicked; `copy` puts one into the clipboard, with what to tell then."""

    def __init__(
        self,
        settings: Settings,
        *,
        autostart: Autostart,
        open_window: Callable[[], None],
        copy: Callable[[str, str], None],
        tell: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._autostart = autostart
        self._open_window = open_window
        self._copy = copy
        self._tell = tell
        self._doers: Mapping[Kind, Callable[[NodeClient, str], object]] = {
            Kind.COPY_URL: lambda node, _: copy(f"{node.run.url}/v1", words.COPIED_URL),
            Kind.COPY_KEY: lambda node, _: copy(self._key(node), words.COPIED_KEY),
            Kind.APPROVE: lambda node, request: node.ask("POST", f"/v0/cluster/requests/{request}/approve"),
            Kind.LOAD: lambda node, model: node.load(model),
            Kind.UNLOAD: lambda node, model: node.unload(model),
            Kind.PAUSE: lambda node, _: node.set_paused(True),
            Kind.RESUME: lambda node, _: node.set_paused(False),
        }

    def carry_out(self, order: Order) -> None:
        """Whatever goes wrong is told."""
        try:
            self._carry_out(order)
        except NodeNotRunning:
            self._tell(words.NOT_RUNNING)
        except (CommandError, OSError) as error:
            _LOG.warning("an item of the tray's menu failed", item=order.kind.value, error=str(error))
            self._tell(str(error))

    def _carry_out(self, order: Order) -> None:
        if order.kind is Kind.OPEN:
            self._open_window()
        elif order.kind in (Kind.START_AT_LOGIN, Kind.DONT_START_AT_LOGIN):
            self._autostart.set_on(order.kind is Kind.START_AT_LOGIN)
        elif (do := self._doers.get(order.kind)) is not None:
            with NodeClient.of(self._settings) as node:
                do(node, order.target)

    def _key(self, node: NodeClient) -> str:
        return tray_key(node, DataDir(self._settings.data_dir).tray_key)
