"""The cloud providers of a node's side in tests, with a client of their own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from corral.app.api.metrics import Metrics
from corral.app.cloud.assembly import CloudProviders
from corral.app.settings_table import Settings
from corral.app.upstream.client import UpstreamClient
from corral.peers.replication.ledger import Ledger


class CloudSide(CloudProviders):
    """Lists of models are asked for when a test says so."""

    def __init__(self, ledger: Ledger, settings: Settings, metrics: Metrics) -> None:
        self._upstream = UpstreamClient()
        super().__init__(
            settings=settings,
            ledger=ledger,
            cluster_key=lambda: b"k" * 32,
            client=self._upstream,
            registry=metrics.registry,
            is_router=lambda: True,
            observer=metrics,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Loaded, and closed in the end."""
        await self.load()
        try:
            yield
        finally:
            await self._upstream.close()
