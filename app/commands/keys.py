"""`corral keys`: API keys of the running node."""

import sys
import time
from collections.abc import Sequence
from typing import Any

from corral.app.commands.node_client import NodeClient
from corral.app.commands.screen import printable, show_json, show_table
from corral.app.settings_table import Settings
from corral.app.times import rfc3339, unix_time

_DAY_S = 86_400.0
_DATE = slice(0, 10)  # of an RFC 3339 time


def list_keys(settings: Settings, *, as_json: bool) -> None:
    """Every key, one row each."""
    with NodeClient.of(settings) as node:
        keys = node.keys()
    if as_json:
        show_json(keys)
    else:
        columns = ("ID", "NAME", "KEY", "SCOPES", "MADE", "STATE")
        show_table(columns, [_listed(key, now=time.time()) for key in keys])


def create_key(
    settings: Settings, name: str, *, scopes: Sequence[str], days: int | None, as_json: bool
) -> None:
    """Make a key. Its text goes to the output, what people should know about it to the error output."""
    expires_at = None if days is None else rfc3339(time.time() + days * _DAY_S)
    with NodeClient.of(settings) as node:
        made = node.create_key(name=name, scopes=scopes, expires_at=expires_at)
    if as_json:
        show_json(made)
    else:
        print(made["key"])
        print("It is shown only now: keep it.", file=sys.stderr)


def revoke_key(settings: Settings, id: str, *, as_json: bool) -> None:
    """End a key."""
    with NodeClient.of(settings) as node:
        node.revoke_key(id)
    if as_json:
        show_json({"revoked": True})
    else:
        print("The key is revoked.")


def _listed(key: dict[str, Any], *, now: float) -> tuple[str, ...]:
    return (
        key["id"],
        printable(key["name"]),
        f"{key['key_prefix']}…",
        ", ".join(key["scopes"]),
        key["created_at"][_DATE],
        _state(key, now=now),
    )


def _state(key: dict[str, Any], *, now: float) -> str:
    if key["revoked_at"] is not None:
        return f"revoked on {key['revoked_at'][_DATE]}"
    if key["expires_at"] is None:
        return "valid"
    verb = "expired on" if unix_time(key["expires_at"]) <= now else "valid until"
    return f"{verb} {key['expires_at'][_DATE]}"
