"""`corral open`: the dashboard, signed in. `corral pause` and `resume`: whether this machine works for others."""

from corral.app.commands.node_client import NodeClient
from corral.app.commands.screen import show_json
from corral.app.desktop.browser import open_browser
from corral.app.settings_table import Settings


def open_dashboard(settings: Settings, *, browser: bool, as_json: bool) -> None:
    """Show the dashboard in the browser, or print its URL. Raises NodeNotRunning, CommandError."""
    with NodeClient.of(settings) as node:
        url = node.dashboard_url()
    opened = browser and not as_json and open_browser(url)
    if as_json:
        show_json({"url": url})
    elif opened:
        print("The dashboard is in the browser.")
    else:
        print(f"Open this in a browser on this machine, within 30 s; it works once:\n\n  {url}\n")


def set_paused(settings: Settings, *, paused: bool) -> None:
    """Raises NodeNotRunning, CommandError."""
    with NodeClient.of(settings) as node:
        node.set_paused(paused)
    print("Other machines don't use this one now." if paused else "Other machines may use this one again.")
