"""`corral keys`: API keys of the running node."""

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from corral.app.commands.node_client import NodeClient
from corral.app.commands.screen import printable, show_json, show_table
from corral.app.settings_table import Settings
from corral.app.times import rfc3339, unix_time

_DAY_S = 86_400.0
_DATE = slice(0, 10)  # of an RFC 3339 time
_LIMITS = (
    ("requests_per_minute", "requests/min"),
    ("requests_per_day", "requests/day"),
    ("tokens_per_minute", "tokens/min"),
    ("tokens_per_day", "tokens/day"),
)


def list_keys(settings: Settings, *, as_json: bool) -> None:
    """Every key, one row each."""
    with NodeClient.of(settings) as node:
        keys = node.keys()
    if as_json:
        show_json(keys)
    else:
        columns = ("ID", "NAME", "KEY", "SCOPES", "MADE", "LAST USED", "LIMITS", "STATE")
        show_table(columns, [_listed(key, now=time.time()) for key in keys])


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyWishes:
    """What a key shall be. None: not named; 0 takes a limit or the end away."""

    name: str | None = None
    scopes: Sequence[str] | None = None
    days: int | None = None
    requests_per_minute: int | None = None
    requests_per_day: int | None = None
    tokens_per_minute: int | None = None
    tokens_per_day: int | None = None

    def document(self, *, now: float) -> dict[str, object]:
        """As the node wants it, without what isn't named."""
        named = {field: value for field, value in asdict(self).items() if value is not None}
        if (days := named.pop("days", None)) is not None:
            named["expires_at"] = rfc3339(now + days * _DAY_S) if days else None
        return {field: None if value == 0 else value for field, value in named.items()}


def create_key(settings: Settings, wishes: KeyWishes, *, as_json: bool) -> None:
    """Make a key. Its text goes to the output, what people should know about it to the error output."""
    with NodeClient.of(settings) as node:
        made = node.create_key(wishes.document(now=time.time()))
    if as_json:
        show_json(made)
    else:
        print(made["key"])
        print("It is shown only now: keep it.", file=sys.stderr)


def update_key(settings: Settings, id: str, wishes: KeyWishes, *, as_json: bool) -> None:
    """Change a key."""
    with NodeClient.of(settings) as node:
        changed = node.update_key(id, wishes.document(now=time.time()))
    if as_json:
        show_json(changed)
    else:
        print("The key is changed.")


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
        "never" if key["last_used_at"] is None else key["last_used_at"][_DATE],
        ", ".join(f"{key[name]} {words}" for name, words in _LIMITS if key[name] is not None) or "none",
        _state(key, now=now),
    )


def _state(key: dict[str, Any], *, now: float) -> str:
    if key["revoked_at"] is not None:
        return f"revoked on {key['revoked_at'][_DATE]}"
    if key["expires_at"] is None:
        return "valid"
    verb = "expired on" if unix_time(key["expires_at"]) <= now else "valid until"
    return f"{verb} {key['expires_at'][_DATE]}"
