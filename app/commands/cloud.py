"""`corral cloud`: keys of cloud providers, for the whole cluster."""

import getpass
import sys
from typing import Any
from urllib.parse import quote

from corral.app.cloud.providers import PROVIDERS
from corral.app.commands.errors import CommandError
from corral.app.commands.node_client import NodeClient
from corral.app.commands.screen import printable, show_json, show_table
from corral.app.settings_table import Settings

_PATH = "/v0/cloud"


def list_providers(settings: Settings, *, as_json: bool) -> None:
    """One row each."""
    with NodeClient.of(settings) as node:
        found = node.ask("GET", _PATH)["providers"]
    if as_json:
        show_json(found)
        return
    rows = [
        (
            each["provider"],
            each["key_source"] or "none",
            str(each["models"]),
            printable(each["base_url"]),
            printable(each["last_error"] or ""),
        )
        for each in found
    ]
    show_table(("PROVIDER", "KEY FROM", "MODELS", "ADDRESS", "LAST ERROR"), rows)


def set_provider(settings: Settings, name: str, *, base_url: str | None, keep_key: bool) -> None:
    """Give a key, read from the terminal or the input, and say whether the provider takes it."""
    _check(name)
    wanted: dict[str, str] = {} if base_url is None else {"base_url": base_url}
    if keep_key and not wanted:
        raise CommandError("there is nothing to change; give a --base-url")
    with NodeClient.of(settings) as node:
        if not keep_key:
            wanted["api_key"] = _key(name)
        told = node.ask("PUT", f"{_PATH}/{quote(name, safe='')}", wanted)
    _tell(told)


def remove_provider(settings: Settings, name: str) -> None:
    """Forget what is set for the cluster."""
    _check(name)
    with NodeClient.of(settings) as node:
        told = node.ask("DELETE", f"{_PATH}/{quote(name, safe='')}")
    left = "; the one in the settings of the router counts again" if told["key_present"] else ""
    print(f"The cluster has no key for {told['name']} any more{left}.")


def _tell(told: dict[str, Any]) -> None:
    if not told["key_present"]:
        print(f"{told['name']} has no key yet.")
    elif told["last_error"] is not None:
        print(f"It is set, but: {printable(told['last_error'])}", file=sys.stderr)
    else:
        print(f"{told['name']} lists {told['models']} models; ask for one as {told['provider']}:NAME.")


def _check(name: str) -> None:
    if name not in PROVIDERS:
        raise CommandError(f"there is no provider {name!r}; these are: {', '.join(PROVIDERS)}")


def _key(name: str) -> str:
    """Never an argument: those stand in the shell's history and in the list of processes."""
    if sys.stdin.isatty():
        key = getpass.getpass(f"API key for {PROVIDERS[name].title}: ").strip()
    else:
        key = sys.stdin.readline().strip()
    if not key:
        raise CommandError("no key was given; type it, or write it to the input")
    return key
