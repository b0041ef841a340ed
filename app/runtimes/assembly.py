"""The runtimes that register by HTTP, made of a node's settings and open files."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from corral.app.events import EventFeed
from corral.app.gateway.admission import Admission
from corral.app.gateway.auth import TokenOwner
from corral.app.gateway.endpoint import Endpoint
from corral.app.gateway.experience import Experience
from corral.app.gateway.meter import Observer
from corral.app.runtimes.endpoint import RuntimeEndpoint
from corral.app.runtimes.log_route import LogRoute
from corral.app.runtimes.machine_logs import MachineLogs
from corral.app.runtimes.probe import Probe
from corral.app.runtimes.runtimes import Rules, Runtimes
from corral.app.runtimes.watch import Cluster, RuntimeWatch
from corral.app.supervisor import Supervisor
from corral.app.upstream.client import UpstreamClient
from corral.peers.ids import NodeId
from corral.peers.replication.ledger import Ledger
from corral.peers.transport.client import PeerClient
from corral.peers.transport.route import PeerRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What answers of runtimes go through."""

    client: UpstreamClient
    admission: Admission
    experience: Experience
    observer: Observer | None = None
    keep_alive_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherMachines:
    """The peers, as far as their logs are asked for."""

    client: PeerClient
    known: Callable[[], Sequence[NodeId]]
    claim: Callable[[], str]  # this node's right to ask, TERM.ROUTER
    accepts: Callable[[str], bool]  # whether to obey what is asked under a claim


class RuntimeParts:
    """`open` it before use, and `supervise` it."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        node: NodeId,
        node_name: str,
        rules: Callable[[], Rules],
        cluster: Callable[[], Cluster],
        serving: Serving,
        others: OtherMachines,
        feed: EventFeed,
        log_dir: Path,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`cluster` is asked when it runs, not before."""
        self._cluster = cluster
        self.runtimes = Runtimes(
            ledger=ledger,
            node=node,
            rules=rules,
            endpoint_of=partial(
                RuntimeEndpoint,
                client=serving.client,
                observer=serving.observer,
                experience=serving.experience,
                keep_alive_s=serving.keep_alive_s,
                now=now,
            ),
            experience=serving.experience,
            ours=lambda endpoint: serving.admission.running_at(endpoint.id),
            changed=serving.admission.look_again,
            now=now,
        )
        self.watch = RuntimeWatch(
            runtimes=self.runtimes,
            node=node,
            rules=rules,
            cluster=cluster,
            probe=Probe(serving.client),
            tell=lambda document: feed.publish("runtime", {"runtime": document}),
            now=now,
        )
        self.logs = MachineLogs(
            own_names=(node, node_name),
            folder=log_dir,
            runtimes=self.runtimes,
            client=serving.client,
            peers=others.known,
            peer_client=others.client,
            claim=others.claim,
        )
        self._log_route = LogRoute(folder=log_dir, accepts=others.accepts)

    async def open(self) -> None:
        """Read what is kept of them."""
        await self.runtimes.open()

    def supervise(self, supervisor: Supervisor) -> None:
        """Keep it running."""
        supervisor.start("watching the runtimes", self.watch.run)

    def routes(self) -> Sequence[PeerRoute]:
        """For the peer port."""
        return [self._log_route.route()]

    def endpoints(self) -> Sequence[Endpoint]:
        """For the gateway."""
        return self.runtimes.endpoints()

    def documents(self) -> list[dict[str, Any]]:
        """For the dashboard."""
        return self.runtimes.documents()

    def counts(self) -> dict[str, int]:
        """How many there are by status, on the router; none elsewhere."""
        return self.runtimes.counts() if self._cluster().is_router else {}

    def owner_of(self, token: str) -> TokenOwner | None:
        """Whose token this is."""
        record = self.runtimes.of_token(token)
        return None if record is None else TokenOwner(record.id, record.name)
