"""`corral status` and `corral stop`: the node's life."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from corral.app.commands.cluster import joining_line
from corral.app.commands.errors import CommandError, NodeNotRunning
from corral.app.commands.node_client import NodeClient
from corral.app.commands.screen import duration, printable, show_json, show_table
from corral.app.instance import AlreadyRunning, InstanceLock
from corral.app.paths import DataDir
from corral.app.settings_table import Settings

_STOP_DEADLINE_S = 60.0
_POLL_S = 0.05


def show_status(settings: Settings, *, as_json: bool) -> None:
    """Whether a node runs, where and since when. Raises NodeNotRunning."""
    try:
        with NodeClient.of(settings) as node:
            models = node.models()
            tasks = node.tasks()
            health, run = node.health(), node.run
            cluster = node.ask("GET", "/v0/cluster/local")
    except NodeNotRunning:
        if as_json:
            show_json({"running": False})
        raise
    loaded = [model["name"] for model in models if model["lifecycle"] == "loaded"]
    uptime_s = max(0.0, time.time() - run.started_at)
    if as_json:
        facts = {"running": True, "url": run.url, "pid": run.pid, "uptime_s": round(uptime_s, 1)}
        show_json(
            {
                **facts,
                **health,
                "models": len(models),
                "loaded": loaded,
                "tasks": tasks,
                "cluster": {**cluster["cluster"], "url": cluster["cluster_url"], "router": cluster["router"]},
            }
        )
        return
    rows = (
        ("status", health["status"]),
        ("URL", run.url),
        ("node", f"{health['node']}, {health['role']}"),
        *_cluster_rows(cluster),
        *_sharing_rows(health),
        ("version", health["version"]),
        ("process", f"{run.pid}, for {duration(uptime_s)}"),
        ("data folder", str(settings.data_dir)),
        ("models", f"{len(models)}, loaded: {', '.join(loaded) or 'none'}"),
        *(("trouble", _failing(task)) for task in tasks if task["failures"]),
    )
    show_table(("", ""), rows)


def _cluster_rows(local: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Its name, who is router, the URL for machines without Corral, and what this machine does to get into another one."""
    nodes, router = local["nodes"], local["router"]
    online = sum(each["online"] for each in nodes)
    who = "this machine alone" if len(nodes) == 1 else f"{online} of {len(nodes)} machines online"
    yield "cluster", f"{printable(local['cluster']['name'])}, {who}"
    yield "router", printable(router["name"]) if router else "none at the moment"
    if local["discovery"]["on"]:
        yield "cluster URL", local["cluster_url"]
    if local["joining"] is not None:
        yield "joining", joining_line(local["joining"])
    for each in local["warnings"]:
        yield "warning", printable(each)


def _sharing_rows(health: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if health["sharing"] == "paused":
        yield "sharing", "paused: other machines don't use this one; `corral resume` ends that"


def _failing(task: dict[str, Any]) -> str:
    failures = "once" if task["failures"] == 1 else f"{task['failures']} times in a row"
    return f"{task['name']} failed {failures}: {printable(str(task['last_error']))}"


def stop(settings: Settings) -> None:
    """Ask the node to stop, and wait until it has let go of its data folder. Raises NodeNotRunning."""
    with NodeClient.of(settings) as node:
        node.stop()
    lock = DataDir(settings.data_dir).lock
    deadline = time.monotonic() + _STOP_DEADLINE_S
    while time.monotonic() < deadline:
        try:
            with InstanceLock(lock):
                print("The node has stopped.")
                return
        except AlreadyRunning:
            time.sleep(_POLL_S)
    raise CommandError(f"the node still runs after {_STOP_DEADLINE_S:.0f} s; see its log")
