"""What the tray knows of the node, as the node's own answers say it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine of the cluster."""

    id: str
    name: str
    role: str
    online: bool
    this: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    """A machine that waits to be let in; it shows the same code."""

    id: str
    name: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalModel:
    """A model on this machine."""

    name: str
    lifecycle: str
    broken: bool = False

    @property
    def loaded(self) -> bool:
        return self.lifecycle == "loaded"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything that icon, tooltip and menu are made of."""

    status: str = "starting"  # as /health says; "gone": it was there and doesn't answer
    url: str | None = None
    role: str = "joining"
    paused: bool = False
    trouble: str | None = None
    cluster: str = ""
    router: str | None = None
    machines: tuple[Machine, ...] = ()
    requests: tuple[JoinRequest, ...] = ()
    models: tuple[LocalModel, ...] = ()
    ready_models: int = 0
    tokens_per_s: float = 0.0
    active: int = 0
    joining_code: str | None = None  # this machine shows it, to be let into `joining_cluster`
    joining_cluster: str | None = None


def view_of(
    health: Document, local: Document, models: Sequence[Document], requests: Sequence[Document]
) -> View:
    """From GET /health, /v0/cluster/local and /v0/node/models of this node, and the requests of GET /v0/cluster."""
    router, joining = local["router"], local["joining"]
    waiting = joining if joining is not None and joining["state"] == "waiting" else None
    return View(
        status=health["status"],
        url=local["url"],
        role=local["node"]["role"],
        paused=health["sharing"] == "paused",
        trouble=_trouble(health, router),
        cluster=local["cluster"]["name"],
        router=None if router is None else router["name"],
        machines=tuple(_machine(each) for each in local["nodes"]),
        requests=tuple(JoinRequest(id=each["id"], name=each["name"], code=each["code"]) for each in requests),
        models=tuple(
            LocalModel(name=each["name"], lifecycle=each["lifecycle"], broken=each["error"] is not None)
            for each in models
        ),
        ready_models=sum(each["lifecycle"] == "loaded" for each in models),
        tokens_per_s=sum(each["live"]["tokens_per_s"] for each in models),
        active=sum(each["live"]["active"] for each in models),
        joining_code=None if waiting is None else waiting["code"],
        joining_cluster=None if waiting is None else waiting["cluster_name"],
    )


def _machine(node: Document) -> Machine:
    return Machine(
        id=node["id"], name=node["name"], role=node["role"], online=node["online"], this=node["this"]
    )


def _trouble(health: Document, router: Document | None) -> str | None:
    if health["recording"] == "paused":
        return f"the history can't be written: {health.get('recording_reason', 'unknown')}"
    return "no router at the moment" if router is None and health["status"] == "ok" else None
