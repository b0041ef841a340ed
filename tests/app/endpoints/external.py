"""Servers elsewhere and aliases over a ledger, with everything that keeps them going."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from corral.app.endpoints.assembly import ExternalEndpoints
from corral.app.gateway.experience import Experience
from corral.app.gateway.meter import Observer
from corral.app.upstream.client import UpstreamClient
from corral.peers.replication.ledger import Ledger

CLUSTER = "cluster-of-tests"


class External(ExternalEndpoints):
    """Not loaded, nothing runs."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        cluster_id: Callable[[], str] = lambda: CLUSTER,
        is_router: Callable[[], bool] = lambda: True,
        own_hosts: tuple[str, ...] = (),
        observer: Observer | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.client, self.experience = UpstreamClient(), Experience()
        super().__init__(
            ledger=ledger,
            cluster_key=lambda: b"k" * 32,
            cluster_id=cluster_id,
            client=self.client,
            experience=self.experience,
            is_router=is_router,
            own_hosts=lambda: own_hosts,
            own_port=lambda: 32768,
            observer=observer,
            clock=clock,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Load it, and keep its task running."""
        await self.load()
        task = asyncio.create_task(self.prober.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            await self.client.close()
