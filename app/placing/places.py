"""Every model of the cluster once, with the places that have it: machines, servers elsewhere, runtimes, the cloud."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corral.app.gateway.endpoint import Endpoint, ServedModel
from corral.app.gateway.models import served_model
from corral.app.model_copy.view import Others
from corral.engines.model import Lifecycle, ModelStatus
from corral.peers.cluster.members import Members
from corral.peers.ids import NodeId

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One of the cluster with its models. What is not `online` says what it had when it was heard last."""

    id: NodeId
    name: str
    this: bool
    online: bool
    models: Sequence[ModelStatus]


class Places:
    """Asks everybody's last words anew each time. Documents are as `api.place_answers` shapes them."""

    def __init__(
        self,
        *,
        node: NodeId,
        models: Callable[[], Sequence[ModelStatus]],
        members: Members,
        others: Others,
        elsewhere: Mapping[str, Callable[[], Sequence[Endpoint]]],
    ) -> None:
        """`models` are this machine's; `elsewhere`: a kind of place (endpoint, runtime, cloud) → the endpoints of that kind."""
        self._node = node
        self._models = models
        self._members = members
        self._others = others
        self._elsewhere = elsewhere

    def documents(self) -> list[Document]:
        """Every model, in the order of names."""
        found: dict[str, Document] = {}
        for machine in self._machines():
            for status in machine.models:
                _add(found, _facts_of(status), _machine_place(machine, status))
        for kind, endpoints in self._elsewhere.items():
            for endpoint in endpoints():
                online = endpoint.machine().online
                for model in endpoint.models():
                    facts = {
                        "id": model.id,
                        "capabilities": sorted(model.capabilities),
                        "context_length": model.context_length,
                        "size_bytes": model.size_bytes,
                        "quantization": model.quantization,
                    }
                    _add(found, facts, _endpoint_place(kind, endpoint, model, online=online))
        return [each for _, each in sorted(found.items())]

    def live(self) -> list[Document]:
        """For each machine how many models it knows, and those that are not merely on its disk."""
        return [
            {
                "id": machine.id,
                "name": machine.name,
                "online": machine.online,
                "known": len(machine.models),
                "models": [
                    {"model": status.file.name, **_state(status)}
                    for status in machine.models
                    if machine.online and status.lifecycle is not Lifecycle.ON_DISK
                ],
            }
            for machine in self._machines()
        ]

    def _machines(self) -> Iterator[Machine]:
        """This one first."""
        yield Machine(
            id=self._node,
            name=self._members.name(self._node),
            this=True,
            online=True,
            models=self._models(),
        )
        peers = self._others.peers()
        live = self._others.live() if peers else ()
        for peer in peers:
            yield Machine(
                id=peer.node,
                name=self._members.name(peer.node),
                this=False,
                online=peer.node in live and peer.heard.machine().online,
                models=peer.heard.models(),
            )


def _add(found: dict[str, Document], facts: Document, place: Document) -> None:
    """A model is called the same whatever the case of its letters; what one place doesn't know another may."""
    known = found.setdefault(facts["id"].lower(), {**facts, "places": []})
    known["places"].append(place)
    known["capabilities"] = _joined(known["capabilities"], facts["capabilities"])
    for name in ("context_length", "size_bytes", "quantization"):
        known[name] = known[name] or facts[name]


def _joined(one: Iterable[str], other: Iterable[str]) -> list[str]:
    return sorted({*one, *other})


def _facts_of(status: ModelStatus) -> Document:
    model = served_model(status)
    return {
        "id": model.id,
        "capabilities": sorted(model.capabilities),
        "context_length": status.file.context_length,
        "size_bytes": model.size_bytes,
        "quantization": model.quantization,
    }


def _machine_place(machine: Machine, status: ModelStatus) -> Document:
    loaded = status.loaded if machine.online else None
    return {
        "kind": "machine",
        "id": machine.id,
        "name": machine.name,
        "this": machine.this,
        "online": machine.online,
        "model": status.file.name,
        **(_state(status) if machine.online else _ASLEEP),
        "context_length": None if loaded is None else loaded.context_length,
        "slots": None if loaded is None else loaded.max_sequences,
    }


def _endpoint_place(kind: str, endpoint: Endpoint, model: ServedModel, *, online: bool) -> Document:
    return {
        "kind": kind,
        "id": endpoint.id,
        "name": endpoint.name,
        "this": False,
        "online": online,
        "model": model.id,
        **_ASLEEP,
        "state": "listed",
        "context_length": None,
        "slots": None,
    }


def _state(status: ModelStatus) -> Document:
    return {
        "state": status.lifecycle.value,
        "progress": round(status.progress, 2),
        "error": status.error,
        "active": status.live.active,
        "queued": status.live.queued,
    }


_ASLEEP: Document = {
    "state": "on_disk",
    "progress": 0.0,
    "error": None,
    "active": 0,
    "queued": 0,
}
