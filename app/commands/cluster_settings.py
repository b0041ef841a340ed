"""`corral cluster settings`: what is set for every machine."""

from urllib.parse import quote

from corral.app.commands.node_client import NodeClient
from corral.app.commands.screen import printable, show_json, show_table
from corral.app.settings_table import Settings

_PATH = "/v0/cluster/settings"


def list_settings(settings: Settings, *, as_json: bool) -> None:
    """One row each."""
    with NodeClient.of(settings) as node:
        found = node.ask("GET", _PATH)["settings"]
    if as_json:
        show_json(found)
    else:
        rows = [(each["name"], printable(str(each["value"])), each["source"], each["help"]) for each in found]
        show_table(("NAME", "VALUE", "FROM", "MEANING"), rows)


def set_setting(settings: Settings, name: str, value: str | None) -> None:
    """Change a setting on every machine; None: each machine's own counts again."""
    with NodeClient.of(settings) as node:
        changed = node.ask("PUT", f"{_PATH}/{quote(name, safe='')}", {"value": value})
    print(f"{changed['name']} is {printable(str(changed['value']))} now, from: {changed['source']}.")
