"""The machines that are on, as a second copy of a model sees them. Pure."""

from collections.abc import Callable, Sequence

from corral.app.gateway.standing import Machine
from corral.app.model_copy.second_copy import Site
from corral.app.model_copy.view import Others, serving
from corral.app.serving.heard_models import HeardModels
from corral.engines.devices import Devices
from corral.engines.model import ModelStatus
from corral.peers.ids import NodeId


class Sites:
    """Call it for those of now."""

    def __init__(
        self,
        *,
        node: NodeId,
        models: Callable[[], Sequence[ModelStatus]],
        machine: Callable[[], Machine],
        devices: Callable[[], Devices | None],
        others: Others,
    ) -> None:
        """What belongs to this machine, and the others."""
        self._node = node
        self._models = models
        self._machine = machine
        self._devices = devices
        self._others = others

    def __call__(self) -> Sequence[Site]:
        return [self._own(), *(_peer(peer.node, peer.heard) for peer in serving(self._others))]

    def _own(self) -> Site:
        machine, devices = self._machine(), self._devices()
        total_bytes = 0 if devices is None or machine.read_at is None else devices.memory.total_bytes
        return Site(
            node=self._node,
            active=sum(each.live.active + each.live.queued for each in self._models()),
            cpu_percent=machine.cpu_percent,
            free_bytes=_free_bytes(total_bytes, machine.memory_percent),
            on_battery=machine.on_battery,
            in_use=machine.in_use,
        )


def _peer(node: NodeId, heard: HeardModels) -> Site:
    live = heard.live
    return Site(
        node=node,
        active=sum(each.active + each.waiting for each in live.models),
        cpu_percent=float(live.cpu_percent or 0),
        free_bytes=0
        if live.memory_percent is None
        else _free_bytes(heard.static.memory_bytes, live.memory_percent),
        on_battery=live.on_battery,
        in_use=bool(live.in_use),
    )


def _free_bytes(total_bytes: int, used_percent: float) -> int:
    return int(total_bytes * (100 - used_percent) / 100)
