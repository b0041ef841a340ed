"""`corral peers`: machines that are not found by themselves, and everything that discovery knows."""

from typing import Any
from urllib.parse import quote

from corral.app.commands.node_client import NodeClient
from corral.app.commands.screen import printable, show_json, show_table
from corral.app.settings_table import Settings

_LOCAL = "/v0/cluster/local"
_PATH = f"{_LOCAL}/peers"
_ID_LETTERS = 8


def add(settings: Settings, host: str) -> None:
    """Look for a machine there from now on."""
    with NodeClient.of(settings) as node:
        node.ask("POST", _PATH, {"address": host})
    print(
        f"{printable(host)} is noted: a machine there is found also without multicast. `corral peers list` shows it."
    )


def remove(settings: Settings, host: str) -> None:
    """Look for no machine there any more."""
    with NodeClient.of(settings) as node:
        node.ask("DELETE", f"{_PATH}/{quote(host, safe='')}")
    print(f"{printable(host)} is forgotten.")


def show(settings: Settings, *, as_json: bool) -> None:
    """One row for each machine, strangers too; then addresses that nobody answers at."""
    with NodeClient.of(settings) as node:
        local = node.ask("GET", _LOCAL)
    discovery = local["discovery"]
    if as_json:
        show_json({"machines": discovery["machines"], "written": discovery["written"]})
        return
    online = {each["id"] for each in local["nodes"] if each["online"]}
    rows = [_row(each, online, discovery["written"]) for each in discovery["machines"]]
    show_table(("MACHINE", "IS", "STATE", "ADDRESSES"), rows)


def _row(machine: dict[str, Any], online: set[str], written: list[str]) -> tuple[str, ...]:
    id = machine["id"]
    name = machine["name"] or ("?" if id is None else id[:_ID_LETTERS])
    addresses = [f"{each} (added)" if each in written else each for each in machine["addresses"]]
    return printable(name), _kind(machine), _state(machine, online), ", ".join(addresses)


def _kind(machine: dict[str, Any]) -> str:
    if machine["id"] is None:
        return "nobody answered yet"
    if machine["member"]:
        return "of this cluster"
    return "not let in yet" if machine["same_cluster"] else "of another cluster"


def _state(machine: dict[str, Any], online: set[str]) -> str:
    if machine["member"]:
        return "online" if machine["id"] in online else "offline"
    return "announced" if machine["announced"] else ""
