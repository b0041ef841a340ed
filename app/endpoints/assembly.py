"""Everything about servers elsewhere and aliases, made of a node's open files."""

import time
from collections.abc import Callable, Collection, Sequence

from corral.app.endpoints.alias_book import AliasBook
from corral.app.endpoints.aliased import AliasedEndpoints
from corral.app.endpoints.book import EndpointBook
from corral.app.endpoints.control import EndpointControl
from corral.app.endpoints.inquiry import Inquiry
from corral.app.endpoints.prober import Prober
from corral.app.endpoints.record import ClusterKey
from corral.app.endpoints.servers import Servers
from corral.app.gateway.endpoint import Endpoint
from corral.app.gateway.experience import Experience
from corral.app.gateway.meter import Observer
from corral.app.supervisor import Supervisor
from corral.app.upstream.client import UpstreamClient
from corral.app.upstream.endpoint import KEEP_ALIVE_S
from corral.peers.replication.ledger import Ledger


class ExternalEndpoints:
    """`load` it before use. `control` and `aliases` are for the HTTP side, `aliased` for the gateway."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        cluster_key: ClusterKey,
        cluster_id: Callable[[], str],
        client: UpstreamClient,
        experience: Experience,
        is_router: Callable[[], bool],
        own_hosts: Callable[[], Collection[str]],
        own_port: Callable[[], int],
        observer: Observer | None = None,
        keep_alive_s: float = KEEP_ALIVE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`own_hosts` are this machine's names in lower case, `own_port` that of its front door.

        `clock` gives seconds of a time that doesn't jump.
        """
        self._book = EndpointBook(ledger, cluster_key=cluster_key)
        self.aliases = AliasBook(ledger)
        self.prober = Prober(
            book=self._book,
            inquiry=Inquiry(client=client, own_cluster=cluster_id),
            is_router=is_router,
            clock=clock,
        )
        self._servers = Servers(
            book=self._book,
            health=self.prober.health,
            client=client,
            experience=experience,
            observer=observer,
            keep_alive_s=keep_alive_s,
        )
        self.control = EndpointControl(
            book=self._book, prober=self.prober, own_hosts=own_hosts, own_port=own_port
        )
        self._book.on_change = self._changed
        experience.failures.on_failure = self.prober.hurry

    async def load(self) -> None:
        """Read what is replicated. Raises DiskFull."""
        await self._book.load()
        await self.aliases.load()

    def endpoints(self) -> Sequence[Endpoint]:
        """One for each server."""
        return self._servers.endpoints()

    def aliased(self, all_endpoints: Callable[[], Sequence[Endpoint]]) -> AliasedEndpoints:
        """The same endpoints, which know the aliases."""
        return AliasedEndpoints(all_endpoints, lambda: self.aliases.by_name)

    def supervise(self, supervisor: Supervisor) -> None:
        """Keep its task running."""
        supervisor.start("looking after endpoints", self.prober.run)

    def _changed(self, ids: Collection[str]) -> None:
        self.prober.records_changed(ids)
        self._servers.records_changed()
