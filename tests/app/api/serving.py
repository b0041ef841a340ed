"""A node's HTTP side on a real socket, with real workers and echo models behind it."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import openai
from prometheus_client import CollectorRegistry

from corral.app.api.app import create_app
from corral.app.api.connection import CorralApp
from corral.app.api.health import NodeInfo, NodeState
from corral.app.api.metrics import Metrics
from corral.app.gateway.gateway import Gateway
from corral.app.gateway.local_endpoint import LocalEndpoint
from corral.app.openai.responses.service import ResponsesService
from corral.app.openai.responses.store import StoredResponse
from corral.app.server import Server
from corral.app.store.api_keys import ApiKeys
from corral.app.store.database import open_database
from corral.engines.devices import Devices, Memory
from corral.engines.echo import EchoEngine
from corral.engines.library import Library
from corral.engines.limits import PoolLimits
from corral.engines.pool import ModelPool

API_KEY = "sk_" + "a" * 32
OTHER_KEY = "sk_" + "b" * 32
EXPIRED_KEY = "sk_" + "c" * 32
ADMIN_KEY = "sk_" + "d" * 32
NOW = 1_700_000_000.0
NODE = "testnode"


@asynccontextmanager
async def _four_keys(folder: Path) -> AsyncIterator[ApiKeys]:
    rows: list[tuple[str, set[str], float | None]] = [
        (API_KEY, {"api"}, None),
        (OTHER_KEY, {"api"}, None),
        (EXPIRED_KEY, {"api"}, NOW - 1),
        (ADMIN_KEY, {"api", "admin"}, None),
    ]
    database = await open_database(folder / "keys.db")
    try:
        keys = ApiKeys(database)
        for secret, scopes, expires_at in rows:
            await keys.create(secret, name=secret[3], now=NOW, scopes=scopes, expires_at=expires_at)
        yield keys
    finally:
        await database.close()


class MemoryStore:
    """Responses in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, StoredResponse] = {}

    async def put(self, response: StoredResponse, *, expires_at: float) -> None:
        self.kept[response.id] = response

    async def get(self, id: str) -> StoredResponse | None:
        return self.kept.get(id)

    async def delete(self, id: str) -> bool:
        return self.kept.pop(id, None) is not None


@dataclass
class Serving:
    """A running node side."""

    url: str
    app: CorralApp
    pool: ModelPool
    state: NodeState = NodeState.OK
    stops: int = 0

    def http(self, key: str | None = API_KEY) -> httpx.AsyncClient:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60)

    def openai(self, key: str = API_KEY) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0, timeout=60)


def _machine() -> Devices:
    return Devices(cores=1, memory=Memory(total_bytes=2**36, available_bytes=2**36))


@asynccontextmanager
async def serving(
    folder: Path,
    *,
    limits: PoolLimits = PoolLimits(),  # noqa: B008 - frozen
    keep_alive_s: float = 10.0,
    cors_origins: Collection[str] = (),
    allowed_hosts: Collection[str] = (),
    now: Callable[[], float] = lambda: NOW,
) -> AsyncIterator[Serving]:
    """Serve the echo models in `folder`."""
    pool = ModelPool(library=Library(folder=folder), engines=(EchoEngine(),), limits=limits, devices=_machine)
    metrics = Metrics(CollectorRegistry())
    endpoint = LocalEndpoint(pool=pool, node_name=NODE, observer=metrics, keep_alive_s=keep_alive_s, now=now)
    gateway = Gateway(endpoints=lambda: (endpoint,))
    running: Serving

    def stop() -> None:
        running.stops += 1

    async with _four_keys(folder) as keys:
        app = create_app(
            gateway=gateway,
            responses=ResponsesService(forward=gateway.forward, store=MemoryStore(), retention_s=60, now=now),
            keys=keys,
            api_keys=keys,
            models=pool,
            node=NodeInfo(name=NODE, version="0.0.1"),
            state=lambda: running.state,
            metrics=metrics,
            on_stop=stop,
            cors_origins=cors_origins,
            allowed_hosts=allowed_hosts,
            now=now,
        )
        server = Server(app=app, host="127.0.0.1", port=0, grace_s=1.0)
        await pool.start()
        await server.start()
        running = Serving(url=f"http://127.0.0.1:{server.port}", app=app, pool=pool)
        try:
            yield running
        finally:
            await server.stop()
            await pool.stop()
