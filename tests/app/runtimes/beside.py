"""The runtimes of a node's HTTP side, as tests put them together."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from corral.app.cluster_settings import ClusterSettings
from corral.app.events import EventFeed
from corral.app.gateway.admission import Admission
from corral.app.runtimes.assembly import OtherMachines, RuntimeParts, Serving
from corral.peers.replication.ledger import Ledger
from tests.app.cluster.lone import Lone
from tests.app.endpoints.external import External

NAME = "testnode"  # of the node


class Alone:
    """The cluster of a node that is alone: it is its router, for good."""

    is_router = True

    async def wait_for_change(self, timeout_s: float) -> None:
        await asyncio.sleep(timeout_s)


def runtimes_of(
    lone: Lone,
    ledger: Ledger,
    folder: Path,
    *,
    shared: ClusterSettings,
    external: External,
    admission: Admission,
    feed: EventFeed,
    now: Callable[[], float],
) -> RuntimeParts:
    """Those of a node that is alone; nothing of them runs by itself."""
    return RuntimeParts(
        ledger=ledger,
        node=ledger.node,
        node_name=NAME,
        rules=lambda: shared.current,
        cluster=Alone,
        serving=Serving(
            client=external.client, admission=admission, experience=external.experience, keep_alive_s=10.0
        ),
        others=OtherMachines(client=lone.client, known=list, claim=lambda: "", accepts=lambda claim: False),
        feed=feed,
        log_dir=folder / "logs",
        now=now,
    )
