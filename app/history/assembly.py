"""The copying of the history, made of a node's settings and open files."""

import time
from collections.abc import Callable

from corral.app.gateway.quotas import Quotas, day_start
from corral.app.history import copy_wire as wire
from corral.app.history.copy_source import CopySource
from corral.app.history.copy_store import CopyStore, Keeping
from corral.app.history.copying import HistoryCopying
from corral.app.history.recorder import Keep
from corral.app.settings_table import Settings
from corral.app.state import State
from corral.app.store.usage import used_since
from corral.peers.cluster.cluster import Cluster
from corral.peers.ids import NodeId

_PAGE_S = 30.0  # a page may be long, and the network slow
_DAY_S = 86_400.0


def history_copying(
    settings: Settings, state: State, *, cluster: Callable[[], Cluster], quotas: Quotas
) -> HistoryCopying:
    """`cluster` is asked when it runs, not before."""

    def keeping() -> Keeping:
        now = state.shared.current
        texts = Keep(now.history) is Keep.FULL
        return Keeping(retention_s=now.history_retention_days * _DAY_S, texts=texts)

    def holds() -> bool:
        return settings.hold_history and Keep(state.shared.current.history) is not Keep.OFF

    async def fetch(node: NodeId, path: str, body: bytes) -> bytes:
        return await state.client.post(node, path, body, timeout_s=_PAGE_S, most_bytes=wire.MOST_ANSWER_BYTES)

    async def recount() -> None:
        now = time.time()
        quotas.at_least(await used_since(state.database, day_start(now)), now=now)

    return HistoryCopying(
        cluster=cluster,
        database=state.database,
        source=CopySource(state.database),
        store=CopyStore(state.database, keeping),
        fetch=fetch,
        holds=holds,
        successors=lambda: cluster().successors,
        recount=recount,
        name_of=state.members.name,
    )
