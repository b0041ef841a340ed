"""The registered models of a node that is alone in its cluster."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from corral.app.registry.assembly import ModelRegistry
from corral.app.registry.book import ModelBook
from corral.app.settings import default_settings
from corral.engines.devices import Devices, Memory
from corral.engines.pool import ModelPool
from corral.peers.replication.ledger import Ledger
from tests.app.cluster.lone import Lone

NOBODY = "http://127.0.0.1:9"  # no hub is there
MEMORY = Memory(total_bytes=10_000_000, available_bytes=10_000_000)


class LoneRegistry:
    """`running` opens it; copies that are begun are made then."""

    def __init__(
        self, folder: Path, ledger: Ledger, pool: ModelPool, lone: Lone, hub_url: str, patience_s: float
    ) -> None:
        """`folder` is that of models; requests for models that are on their way wait `patience_s`."""
        self._book = ModelBook(ledger)
        self._copies = lone.copying.copies
        self.downloads = lone.copying.control.downloads
        self.models = ModelRegistry(
            settings=replace(default_settings(folder), models_dir=folder, hf_base_url=hub_url),
            book=self._book,
            pool=pool,
            copying=lone.copying,
            client=lone.client,
            members=lone.members,
            others=lone.others,
            devices=lambda: Devices(cores=1, memory=MEMORY),
            claim=lambda: "",
            accepts=lambda claim: False,
            listed=lambda model: pool.find(model) is not None,
            patience_s=lambda: patience_s,
            program="0.0.1",
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Until the block ends."""
        await self._book.load()
        copies = asyncio.create_task(self._copies.run())
        try:
            yield
        finally:
            copies.cancel()
            await asyncio.wait([copies])
            await self.models.close()
