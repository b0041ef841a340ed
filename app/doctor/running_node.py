"""Whether the node runs and is well, and is the program that asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corral.app.commands.errors import CommandError, NodeNotRunning
from corral.app.commands.node_client import NodeClient
from corral.app.doctor.finding import Finding, ok, problem, warning
from corral.app.instance import AlreadyRunning, InstanceLock
from corral.app.paths import DataDir
from corral.app.settings_table import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """The node of the data folder. `locked`: a process holds the folder, whether or not it answers."""

    locked: bool
    own_version: str
    url: str = ""
    pid: int | None = None
    health: Mapping[str, Any] | None = None
    tasks: Sequence[Mapping[str, Any]] = ()
    cluster: Mapping[str, Any] | None = None  # as GET /v0/cluster/local says
    error: str | None = None  # why it doesn't answer


def gather_node(settings: Settings, *, own_version: str) -> NodeFacts:
    """Ask the node, if there is one."""
    locked = _locked(DataDir(settings.data_dir))
    try:
        with NodeClient.of(settings) as node:
            tasks = node.tasks()
            health, run = node.health(), node.run
            cluster = node.ask("GET", "/v0/cluster/local") if health.get("version") == own_version else None
    except NodeNotRunning:
        return NodeFacts(locked=locked, own_version=own_version)
    except CommandError as error:
        return NodeFacts(locked=locked, own_version=own_version, error=str(error))
    return NodeFacts(
        locked=locked,
        own_version=own_version,
        url=run.url,
        pid=run.pid,
        health=health,
        tasks=tasks,
        cluster=cluster,
    )


def judge_node(facts: NodeFacts) -> list[Finding]:
    """What the node says, and a finding for each of its tasks that fails."""
    if facts.health is None:
        return [_judge_silence(facts)]
    version = facts.health.get("version")
    if version != facts.own_version:
        what = f"the running node is version {version}, this program {facts.own_version}"
        first = warning("node", what, "Start it again: `corral stop`, then `corral serve`.")
    elif facts.health.get("status") != "ok":
        what = f"{facts.url} is {facts.health.get('status')}"
        first = warning("node", what, "Wait a moment; `corral logs -f` shows what it does.")
    else:
        first = ok("node", f"runs at {facts.url}, version {version}")
    failing = [task for task in facts.tasks if task["failures"]]
    return [first, *(_judge_task(task) for task in failing)]


def _judge_silence(facts: NodeFacts) -> Finding:
    if facts.error is not None:
        return problem("node", facts.error, "See its log: `corral logs`.")
    if facts.locked:
        what = "a process holds the data folder, but no node answers"
        return problem(
            "node", what, "It may be starting: wait. Else see `corral logs`, and end that process."
        )
    return ok("node", "none is running")


def _judge_task(task: Mapping[str, Any]) -> Finding:
    what = f"its task {task['name']!r} failed ({task['failures']} times in a row): {task['last_error']}"
    return warning("node", what, "It is tried again by itself; `corral logs --level error` says more.")


def _locked(folder: DataDir) -> bool:
    if not folder.lock.is_file():
        return False
    try:
        with InstanceLock(folder.lock):
            return False
    except AlreadyRunning:
        return True
    except OSError:
        return False
