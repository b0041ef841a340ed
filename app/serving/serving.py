"""Serving across machines, put together: this node's endpoint, its peers', the choice among them, what it tells them."""

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

from corral.app.gateway.admission import Admission
from corral.app.gateway.choice import Mode
from corral.app.gateway.chooser import Chooser
from corral.app.gateway.endpoint import Endpoint
from corral.app.gateway.experience import Experience
from corral.app.gateway.meter import Observer
from corral.app.gateway.pool_endpoint import PoolEndpoint
from corral.app.gateway.standing import Machine
from corral.app.serving.infer_route import InferRoute
from corral.app.serving.peer_endpoints import PeerEndpoints
from corral.app.serving.reporter import Reporter
from corral.app.telemetry import Sample
from corral.engines.battery import Battery, read_battery
from corral.engines.devices import Devices, read_devices
from corral.engines.model import ModelFile
from corral.engines.pool import ModelPool
from corral.peers.ids import NodeId
from corral.peers.transport.client import PeerClient
from corral.peers.transport.route import PeerRoute

LOOK_S = 30.0  # between two looks at the battery and the hardware


class Telemetry(Protocol):
    """What this needs of `telemetry.Telemetry`."""

    @property
    def latest(self) -> Sample | None: ...


class Serving:
    """Call `look` every LOOK_S; carry `live` in each heartbeat, and `static` when a peer wants it."""

    def __init__(
        self,
        *,
        pool: ModelPool,
        telemetry: Telemetry,
        node_name: str,
        program: str = "",
        admission: Admission,
        client: PeerClient,
        name_of: Callable[[NodeId], str],
        claim: Callable[[], str],
        accepts: Callable[[str], bool],
        mode: Mode = Mode.AUTO,
        observer: Observer | None = None,
        draining: Callable[[], bool] = lambda: False,
        sha256: Callable[[ModelFile], str] = lambda _file: "",
        keep_alive_s: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`claim` is this node's right to ask others (TERM.ROUTER); `accepts` judges that of others, see InferRoute.
        `program` is the version of Corral."""
        self._admission = admission
        self._devices: Devices | None = None
        self._battery: Battery | None = None
        self._experience = experience = Experience()
        self._own = PoolEndpoint(
            pool=pool,
            node_name=node_name,
            machine=lambda: machine_of(telemetry.latest, self._battery),
            observer=observer,
            experience=experience,
            keep_alive_s=keep_alive_s,
            now=now,
        )
        self._peers = PeerEndpoints(
            client=client,
            name_of=name_of,
            claim=claim,
            experience=experience,
            observer=observer,
            keep_alive_s=keep_alive_s,
            now=now,
        )
        self._route = InferRoute(
            pool=pool, accepts=accepts, endpoint=self._own.id, experience=experience, now=now
        )
        self._reporter = Reporter(
            pool=pool,
            telemetry=telemetry,
            endpoint=self._own.id,
            experience=experience,
            program=program,
            devices=lambda: self._devices,
            sha256=sha256,
            battery=lambda: self._battery,
            draining=draining,
            now=now,
        )
        self.chooser = Chooser(admission=admission, experience=experience, mode=mode, now=now)

    def endpoints(self) -> Sequence[Endpoint]:
        """This machine first."""
        return [self._own, *self._peers.endpoints()]

    def peer_runtimes(self) -> list[dict[str, Any]]:
        """The peers for the dashboard."""
        return self._peers.runtimes()

    def peer_samples(self, id: str) -> list[dict[str, Any]] | None:
        """The last hour of a peer's load."""
        return self._peers.samples(id)

    def routes(self) -> Sequence[PeerRoute]:
        """For the peer port."""
        return [self._route.route()]

    def live(self) -> bytes:
        """The small part of this node's load report, the same for all peers of one tick."""
        return self._reporter.live()

    def static(self) -> bytes:
        """The large part."""
        return self._reporter.static()

    def hear(self, peer: NodeId, live: bytes, static: bytes | None) -> bool:
        """A member's report; whether its static part is wanted."""
        wanted = self._peers.hear(peer, live, static)
        self._admission.look_again()  # it may have loaded a model with more slots
        return wanted

    def set_live(self, peers: Collection[NodeId]) -> None:
        """The members that answer now."""
        self._peers.set_live(peers)

    def forget(self, peer: NodeId) -> None:
        """It is no member any more."""
        self._peers.forget(peer)

    async def look(self) -> None:
        """Read what changes slowly."""
        if self._devices is None:
            self._devices = await asyncio.to_thread(read_devices)
        self._battery = await asyncio.to_thread(read_battery)


def machine_of(sample: Sample | None, battery: Battery | None) -> Machine:
    """This machine, as choosing sees it."""
    on_battery = battery is not None and battery.in_use
    if sample is None:
        return Machine(local=True, on_battery=on_battery)
    gpus = sample.load.gpus
    return Machine(
        local=True,
        cpu_percent=sample.load.cpu_percent,
        memory_percent=sample.load.memory_percent,
        gpu_percent=sum(gpu.used_percent or 0.0 for gpu in gpus) / len(gpus) if gpus else 0.0,
        gpu_memory_percent=sum(gpu.memory_percent for gpu in gpus) / len(gpus) if gpus else 0.0,
        read_at=sample.at,
        on_battery=on_battery,
    )
