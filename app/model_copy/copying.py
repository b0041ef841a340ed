"""Copying of models, put together: checksums, serving and fetching of files, and what the router does about all of it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from corral.app.gateway.standing import Machine
from corral.app.model_copy.automatic import LOOK_S, Automatic
from corral.app.model_copy.control import CopyControl
from corral.app.model_copy.copies import Copies
from corral.app.model_copy.copy_route import CopyRoute
from corral.app.model_copy.download import Limits
from corral.app.model_copy.file_route import FileRoute
from corral.app.model_copy.manifest import PIECE_BYTES
from corral.app.model_copy.peer_source import PeerSource
from corral.app.model_copy.second_copy import WaitLog
from corral.app.model_copy.sites import Sites
from corral.app.model_copy.sum_keeper import SumKeeper
from corral.app.model_copy.throttle import Throttle
from corral.app.model_copy.view import Others, View, sources_of
from corral.app.supervisor import Supervisor
from corral.engines.devices import Devices
from corral.engines.pool import ModelPool
from corral.peers.cluster.members import Members
from corral.peers.ids import NodeId
from corral.peers.transport.client import PeerClient
from corral.peers.transport.route import PeerRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How this machine copies. The speed counts each way."""

    max_bytes_per_s: int | None = None
    automatically: bool = False
    piece_bytes: int = PIECE_BYTES
    limits: Limits = Limits()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True, kw_only=True)
class Standpoint:
    """What this machine is, and what it is in the cluster. `claim` is its right to ask others (TERM.ROUTER), `accepts` judges theirs."""

    node: NodeId
    alone: Callable[[], bool]
    is_router: Callable[[], bool]
    claim: Callable[[], str]
    accepts: Callable[[str], bool]
    machine: Callable[[], Machine]
    devices: Callable[[], Devices | None]


class Copying:
    """`waited` is for the gateway, `sums` and `copies` for the load report, `routes` for the peer port."""

    def __init__(
        self,
        *,
        pool: ModelPool,
        folder: Path,
        sums_file: Path,
        client: PeerClient,
        members: Members,
        others: Others,
        standpoint: Standpoint,
        rules: Rules,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Copies go to `folder`, the checksums of this machine's models to `sums_file`."""
        self._automatically = rules.automatically
        self._clock = clock
        self._waits = WaitLog()
        self.sums = SumKeeper(
            models=lambda: [status.file for status in pool.models()],
            file=sums_file,
            wanted=lambda: not standpoint.alone(),
            piece_bytes=rules.piece_bytes,
        )
        self.copies = Copies(
            folder=folder,
            models=lambda: [status.file for status in pool.models()],
            rescan=pool.rescan,
            sums=self.sums,
            peers=PeerSource(client=client, throttle=Throttle(rules.max_bytes_per_s)),
            sources=lambda id: sources_of(id, others),
            name_of=members.name,
            limits=rules.limits,
        )
        self.view = view = View(
            node=standpoint.node, find=pool.find, sums=self.sums, copies=self.copies, others=others
        )
        self.control = CopyControl(
            view=view,
            copies=self.copies,
            members=members,
            live=others.live,
            client=client,
            claim=standpoint.claim,
        )
        self.sites = _sites(pool, standpoint, others)
        self.automatic = Automatic(
            control=self.control,
            view=view,
            waits=self._waits,
            sites=self.sites,
            is_router=standpoint.is_router,
            clock=clock,
        )
        self._routes = [
            FileRoute(sums=self.sums, throttle=Throttle(rules.max_bytes_per_s)).route(),
            *CopyRoute(copies=self.copies, accepts=standpoint.accepts).routes(),
        ]

    def routes(self) -> Sequence[PeerRoute]:
        """For the peer port."""
        return self._routes

    def waited(self, model: str, waited_s: float) -> None:
        """A request waited so long for a model."""
        self._waits.note(model, waited_s, self._clock())

    def supervise(self, supervisor: Supervisor) -> None:
        """Keep its tasks running."""
        supervisor.start("checksums of models", self.sums.run)
        supervisor.start("copies of models", self.copies.run)
        if self._automatically:
            supervisor.every(LOOK_S, "second copies of models", self.automatic.look)


def _sites(pool: ModelPool, standpoint: Standpoint, others: Others) -> Sites:
    return Sites(
        node=standpoint.node,
        models=pool.models,
        machine=standpoint.machine,
        devices=standpoint.devices,
        others=others,
    )
