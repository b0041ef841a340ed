"""`corral cluster`: the machines that serve together, as the running node knows them."""

import shlex
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from corral.app.commands.errors import CommandError
from corral.app.commands.node_client import NodeClient
from corral.app.commands.screen import duration, printable, show_json, show_table
from corral.app.settings_table import Settings

_PATH = "/v0/cluster"
_LOCAL = f"{_PATH}/local"
_POLL_S = 1.0
_JOIN_S = 60.0
_MINUTE_S = 60.0


def show_status(settings: Settings, *, as_json: bool) -> None:
    """The cluster, and what this machine does about it."""
    with NodeClient.of(settings) as node:
        local, cluster = node.ask("GET", _LOCAL), node.ask("GET", _PATH)
    if as_json:
        show_json({**cluster, "local": local})
        return
    for line in _status_lines(cluster, local):
        print(line)


def list_nodes(settings: Settings, *, as_json: bool) -> None:
    """One row each."""
    with NodeClient.of(settings) as node:
        nodes = node.ask("GET", _PATH)["nodes"]
    if as_json:
        show_json(nodes)
    else:
        columns = ("NAME", "ROLE", "STATE", "ADDRESS", "VERSION", "CLOCK", "ID")
        show_table(columns, [_node_row(each) for each in nodes])


def decide(settings: Settings, request: str, *, approve: bool) -> None:
    """Let a machine in, or turn it away."""
    verb = "approve" if approve else "deny"
    with NodeClient.of(settings) as node:
        found = _request(node, request)
        node.ask("POST", f"{_PATH}/requests/{quote(found['id'], safe='')}/{verb}")
    name = printable(found["name"])
    print(f"{name} is in the cluster now." if approve else f"{name} is turned away.")


def join(settings: Settings, *, token: str | None, code: str | None, host: str | None) -> None:
    """Ask this machine's node to join another cluster, and wait until it has."""
    wishes = {"token": token, "code": code, "host": host}
    with NodeClient.of(settings) as node:
        before = node.ask("GET", _LOCAL)["cluster"]["id"]
        node.ask("POST", f"{_LOCAL}/join", {key: value for key, value in wishes.items() if value is not None})
    _wait_for(settings, lambda local: _joined(local, before=before))


def show_code(settings: Settings, *, as_json: bool) -> None:
    """A code to type on the machine that is to come in."""
    with NodeClient.of(settings) as node:
        made = node.ask("POST", f"{_PATH}/code")
    if as_json:
        show_json(made)
    else:
        print(made["code"])
        print(
            f"Type it on the other machine within {made['expires_in_s']} s: corral cluster join --code {made['code']}",
            file=sys.stderr,
        )


def invite(settings: Settings, *, uses: int, hours: float, as_json: bool) -> None:
    """The token goes to the output, what to do with it to the error output."""
    with NodeClient.of(settings) as node:
        made = node.ask("POST", f"{_PATH}/invites", {"uses": uses, "hours": hours})
    if as_json:
        show_json(made)
    else:
        print(made["token"])
        print(
            "It is shown only now. On the other machine: corral cluster join TOKEN, or set CORRAL_JOIN_TOKEN "
            f"before its first start. Ends on {made['expires_at']}.",
            file=sys.stderr,
        )


def list_invites(settings: Settings, *, revoke: str | None, as_json: bool) -> None:
    """One row each."""
    with NodeClient.of(settings) as node:
        if revoke is not None:
            node.ask("DELETE", f"{_PATH}/invites/{quote(revoke, safe='')}")
        found = node.ask("GET", f"{_PATH}/invites")["invites"]
    if as_json:
        show_json(found)
    else:
        rows = [
            (
                each["id"],
                f"{each['uses_left']} of {each['uses']}",
                each["created_at"],
                each["expires_at"],
                each["state"],
            )
            for each in found
        ]
        show_table(("ID", "LEFT", "MADE", "ENDS", "STATE"), rows)


def remove(settings: Settings, machine: str) -> None:
    """Take a machine out."""
    with NodeClient.of(settings) as node:
        found = _node(node, machine)
        node.ask("DELETE", f"{_PATH}/nodes/{quote(found['id'], safe='')}")
    print(f"{printable(found['name'])} is out of the cluster; all sessions have ended.")


def leave(settings: Settings) -> None:
    """Take this machine out, and wait until it is on its own."""
    with NodeClient.of(settings) as node:
        before = node.ask("GET", _LOCAL)["cluster"]["id"]
        node.ask("POST", f"{_LOCAL}/leave")
    _wait_for(settings, lambda local: local["cluster"]["id"] != before)
    print(
        "This machine is on its own now. `corral serve` has printed its new administrator's password and key."
    )


def rename(settings: Settings, name: str) -> None:
    """Give the cluster another name."""
    with NodeClient.of(settings) as node:
        cluster = node.ask("PUT", _PATH, {"name": name})
    print(f"The cluster is called {printable(cluster['name'])}: {cluster['url']}")


def hand_over(settings: Settings, machine: str | None) -> None:
    """Let another machine be the router."""
    with NodeClient.of(settings) as node:
        body = {} if machine is None else {"node": _node(node, machine)["id"]}
        router = node.ask("POST", f"{_PATH}/handover", body)["router"]
    print(f"{printable(router['name'])} is the router.")


def _status_lines(cluster: dict[str, Any], local: dict[str, Any]) -> list[str]:
    router = cluster["router"]
    online = sum(each["online"] for each in cluster["nodes"])
    lines = [
        f"Cluster {printable(cluster['name'])}: {online} of {len(cluster['nodes'])} machines online",
        f"URL     {cluster['url']} (here: {local['url']})",
        f"Router  {printable(router['name']) if router else 'none at the moment'}",
        f"Here    {printable(local['node']['name'])}, {local['node']['role']}",
    ]
    joining = local["joining"]
    if joining is not None:
        lines.append(joining_line(joining))
    lines += [request_line(each) for each in cluster["requests"]]
    return lines + [f"Warning {printable(each)}" for each in local["warnings"]]


def request_line(request: Mapping[str, Any]) -> str:
    """A machine that wants to join, and what to type."""
    name = printable(request["name"])
    return (
        f"{name} ({request['address']}) wants to join with the code {request['code']}: "
        f"corral cluster approve {shlex.quote(name)}"
    )


def joining_line(joining: Mapping[str, Any]) -> str:
    """What this machine does to get into another cluster."""
    cluster = printable(joining["cluster_name"] or "another cluster")
    if joining["code"] is not None:
        return f"Joining {cluster}: approve it there if it shows the code {joining['code']}"
    return f"Joining {cluster}: {printable(joining['error'] or joining['state'])}"


def _node_row(node: dict[str, Any]) -> tuple[str, ...]:
    state = "online" if node["online"] else "offline"
    if not node["online"] and node["last_heard_s"] is not None:
        state = f"last heard {duration(node['last_heard_s'])} ago"
    if node["needs_update"]:
        state = "needs an update"
    return (
        printable(node["name"]) + (" (here)" if node["this"] else ""),
        node["role"],
        state,
        ", ".join(node["addresses"][:1]),
        node["version"] or "",
        "" if node["clock_skew_s"] is None else f"{node['clock_skew_s']:+.0f} s",
        node["id"],
    )


def _request(node: NodeClient, wanted: str) -> dict[str, Any]:
    digits = wanted.replace(" ", "")
    found = [
        each
        for each in node.ask("GET", _PATH)["requests"]
        if each["id"] == wanted or each["name"] == wanted or each["code"].replace(" ", "") == digits
    ]
    return _only(found, f"no machine {wanted!r} wants to join; `corral cluster status` shows who does")


def _node(node: NodeClient, wanted: str) -> dict[str, Any]:
    found = [each for each in node.ask("GET", _PATH)["nodes"] if wanted in (each["id"], each["name"])]
    return _only(found, f"there is no machine {wanted!r}; `corral cluster nodes` shows them")


def _only(found: list[dict[str, Any]], missing: str) -> dict[str, Any]:
    if not found:
        raise CommandError(missing)
    if len(found) > 1:
        raise CommandError("several match; use the id")
    return found[0]


def _joined(local: dict[str, Any], *, before: str) -> bool:
    joining = local["joining"]
    if local["cluster"]["id"] != before:
        print(f"This machine is in the cluster {printable(local['cluster']['name'])}.")
        return True
    if joining is None or joining["state"] == "failed":
        raise CommandError((joining or {}).get("error") or "joining failed; `corral logs` says more")
    return False


def _wait_for(settings: Settings, done: Callable[[dict[str, Any]], bool]) -> None:
    """Ask the node until it is so; it starts anew on the way, and may wait for somebody to approve it."""
    shown = None
    deadline = time.monotonic() + _JOIN_S
    while True:
        try:
            with NodeClient.of(settings) as node:
                local = node.ask("GET", _LOCAL)
        except CommandError:
            if time.monotonic() > deadline:
                raise
        else:
            if done(local):
                return
            joining = local["joining"]
            if joining is not None and joining["code"] is not None:
                deadline = time.monotonic() + _JOIN_S + _MINUTE_S
                if joining["code"] != shown:
                    shown = joining["code"]
                    print(joining_line(joining), flush=True)
        time.sleep(_POLL_S)
