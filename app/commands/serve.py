"""`corral serve`: the node's life, with an icon in the tray where there can be one."""

import asyncio
import os
import subprocess
import sys

from corral.app.commands.errors import CommandError, NodeNotRunning
from corral.app.commands.node_client import NodeClient
from corral.app.desktop.display import has_display
from corral.app.instance import AlreadyRunning
from corral.app.left_out import left_out
from corral.app.settings_table import Settings


def serve(settings: Settings) -> None:
    """Run a node until it is stopped. A second start on a display brings the first one's window to the front."""
    load_logging()
    from corral.app.server import ServerError
    from corral.app.store.errors import StoreError
    from corral.peers.cluster.cluster_file import ClusterFileError
    from corral.peers.identity.errors import IdentityError

    try:
        restarts = _serve(settings)
    except (AlreadyRunning, ServerError, StoreError, ClusterFileError, IdentityError) as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"the node could not start: {error}") from error
    if restarts:
        _start_again()


def load_logging() -> None:
    """First of all that is loaded: structlog takes 4 MB along for coloured tracebacks, which no log here has."""
    with left_out("rich", "greenlet"):
        import structlog  # noqa: F401


def _serve(settings: Settings) -> bool:
    """Whether it shall start again."""
    if settings.tray == "off":
        _serve_headless(settings, no_icon=None)
        return False
    if not has_display(os.environ, sys.platform):
        return _without_icon(settings, "there is no display")
    if _is_shown(settings):
        _say("Corral runs already; its window is in front now.")
        return False
    return _serve_with_icon(settings)


def _serve_with_icon(settings: Settings) -> bool:
    from corral.app.desktop.icon import NoIcon
    from corral.app.desktop.tray import Tray
    from corral.app.desktop.window_link import WindowLink
    from corral.app.node import run_node

    link = WindowLink()
    try:
        tray = Tray(settings, link=link, say=_say)
    except NoIcon as error:
        return _without_icon(settings, str(error))
    return tray.run(lambda stop: run_node(settings=settings, say=_say, stop=stop, link=link))


def _without_icon(settings: Settings, reason: str) -> bool:
    if settings.tray == "on":
        raise CommandError(f"there can be no icon in the tray: {reason}; set `tray` to `auto` or `off`")
    _serve_headless(settings, no_icon=reason)
    return False


def _serve_headless(settings: Settings, *, no_icon: str | None) -> None:
    from corral.app.node import run_node
    from corral.app.server import loop_factory

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(run_node(settings=settings, say=_say, no_icon=no_icon))


def _is_shown(settings: Settings) -> bool:
    """Whether a node that runs already has a window, and shows it now."""
    try:
        with NodeClient.of(settings) as node:
            return node.show_window()
    except (NodeNotRunning, CommandError):
        return False


def _start_again() -> None:
    """The same command, in the same process where the system can do that."""
    words = [sys.executable, "-m", "corral.app.cli", *sys.argv[1:]]
    if sys.platform == "win32":
        subprocess.Popen(words, close_fds=True)
        return
    os.execv(sys.executable, words)


def _say(text: str) -> None:
    print(text, flush=True)
