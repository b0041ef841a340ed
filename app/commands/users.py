"""`corral users`: people who can sign in to the running node."""

import getpass
import sys
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from corral.app.commands.errors import CommandError
from corral.app.commands.node_client import NodeClient
from corral.app.commands.screen import printable, show_json, show_table
from corral.app.people.passwords import SHORTEST, new_password
from corral.app.settings_table import Settings

_PATH = "/v0/users"
_DATE = slice(0, 10)  # of an RFC 3339 time


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordSource:
    """Where a password comes from; neither: it is typed twice."""

    from_input: bool
    generate: bool


def list_users(settings: Settings, *, as_json: bool) -> None:
    """One row each."""
    with NodeClient.of(settings) as node:
        users = node.ask("GET", _PATH)["users"]
    if as_json:
        show_json(users)
    else:
        rows = [
            (
                printable(user["username"]),
                user["role"],
                user["created_at"][_DATE],
                _last_login(user),
                user["id"],
            )
            for user in users
        ]
        show_table(("NAME", "ROLE", "MADE", "LAST SIGNED IN", "ID"), rows)


def add_user(settings: Settings, name: str, *, role: str, source: PasswordSource, as_json: bool) -> None:
    """Make a user. A generated password goes to the output."""
    with NodeClient.of(settings) as node:
        password = _password(source)
        user = node.ask("POST", _PATH, {"username": name, "password": password, "role": role})
    if as_json:
        show_json({**user, "password": password} if source.generate else user)
    elif source.generate:
        _show_password(password)
    else:
        print(f"{printable(user['username'])} can sign in now.")


def change_password(settings: Settings, name: str, *, source: PasswordSource) -> None:
    """Another password for a user."""
    with NodeClient.of(settings) as node:
        user = _named(node, name)
        password = _password(source)
        node.ask("PUT", f"{_PATH}/{quote(user['id'], safe='')}", {"password": password})
    if source.generate:
        _show_password(password)
    else:
        print("The password is changed; open sessions have ended.")


def remove_user(settings: Settings, name: str) -> None:
    """End a user."""
    with NodeClient.of(settings) as node:
        node.ask("DELETE", f"{_PATH}/{quote(_named(node, name)['id'], safe='')}")
    print("The user is removed; open sessions have ended.")


def invite(settings: Settings, *, as_json: bool) -> None:
    """The code goes to the output, what to do with it to the error output."""
    with NodeClient.of(settings) as node:
        made = node.ask("POST", "/v0/invitations")
    if as_json:
        show_json(made)
    else:
        print(made["code"])
        print(f"It is shown only now, makes one viewer and ends on {made['expires_at']}.", file=sys.stderr)


def _named(node: NodeClient, name: str) -> dict[str, Any]:
    wanted = name.casefold()
    for user in node.ask("GET", _PATH)["users"]:
        if user["username"].casefold() == wanted:
            found: dict[str, Any] = user
            return found
    raise CommandError(f"there is no user {name!r}; `corral users list` shows them")


def _password(source: PasswordSource) -> str:
    if source.generate:
        return new_password()
    if source.from_input:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise CommandError("there is no terminal to type a password; use --password-stdin or --generate")
    password = getpass.getpass(f"Password (at least {SHORTEST} characters): ")
    if getpass.getpass("Once more: ") != password:
        raise CommandError("the two passwords differ; nothing was changed")
    return password


def _show_password(password: str) -> None:
    print(password)
    print("It is shown only now: keep it.", file=sys.stderr)


def _last_login(user: dict[str, Any]) -> str:
    at: str | None = user["last_login_at"]
    return "never" if at is None else at.replace("T", " ")[:16]
