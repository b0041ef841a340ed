"""`corral aliases`: one name for models that are called differently in different places."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from corral.app.commands.errors import CommandError
from corral.app.commands.node_client import NodeClient
from corral.app.commands.screen import printable, show_json, show_table
from corral.app.settings_table import Settings

_PATH = "/v0/aliases"


def list_aliases(settings: Settings, *, as_json: bool) -> None:
    """One row each."""
    with NodeClient.of(settings) as node:
        aliases = node.ask("GET", _PATH)["aliases"]
    if as_json:
        show_json(aliases)
    else:
        show_table(("NAME", "MEANS"), [_row(each) for each in aliases])


def add(settings: Settings, name: str, targets: Sequence[str], *, as_json: bool) -> None:
    """Make one."""
    with NodeClient.of(settings) as node:
        made = node.ask("POST", _PATH, {"name": name, "targets": list(targets)})
    if as_json:
        show_json(made)
    else:
        print(f"{printable(made['name'])} now means {_row(made)[1]}.")


def change(settings: Settings, name: str, targets: Sequence[str], *, as_json: bool) -> None:
    """Let one mean other models."""
    with NodeClient.of(settings) as node:
        changed = node.ask("PUT", f"{_PATH}/{_id(node, name)}", {"targets": list(targets)})
    if as_json:
        show_json(changed)
    else:
        print(f"{printable(changed['name'])} now means {_row(changed)[1]}.")


def remove(settings: Settings, name: str, *, as_json: bool) -> None:
    """It means nothing any more."""
    with NodeClient.of(settings) as node:
        node.ask("DELETE", f"{_PATH}/{_id(node, name)}")
    if as_json:
        show_json({"removed": True})
    else:
        print(f"{printable(name)} is removed.")


def _id(node: NodeClient, name: str) -> str:
    """By name or id. Raises CommandError."""
    for each in node.ask("GET", _PATH)["aliases"]:
        if name.casefold() in (each["name"].casefold(), each["id"]):
            return quote(each["id"], safe="")
    raise CommandError(f"there is no alias {printable(name)}; `corral aliases list` shows them")


def _row(alias: dict[str, Any]) -> tuple[str, str]:
    return printable(alias["name"]), ", ".join(printable(each) for each in alias["targets"])
