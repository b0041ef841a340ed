"""A node's HTTP side on a real socket, with real workers and echo models behind it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import openai
from prometheus_client import CollectorRegistry

from corral.app.api.app import create_app
from corral.app.api.cluster_metrics import ClusterMetrics
from corral.app.api.connection import CorralApp
from corral.app.api.edge import Edge
from corral.app.api.endpoint_metrics import EndpointMetrics
from corral.app.api.health import NodeInfo, NodeState
from corral.app.api.metrics import Metrics
from corral.app.api.table import Services, routes_of
from corral.app.cluster.cluster_events import ClusterEvents
from corral.app.cluster_settings import ClusterSettings
from corral.app.dashboard import Dashboard
from corral.app.events import EventFeed
from corral.app.gateway.admission import Admission
from corral.app.gateway.auth import Authenticator
from corral.app.gateway.chooser import Chooser
from corral.app.gateway.endpoint import Endpoint
from corral.app.gateway.gateway import Gateway
from corral.app.gateway.pool_endpoint import PoolEndpoint
from corral.app.gateway.principal import Principal
from corral.app.history.recorder import Recorder, RecordingStatus
from corral.app.log_files import LogLimits
from corral.app.logs import Logs
from corral.app.openai.responses.service import ResponsesService
from corral.app.own_settings import OwnSettings
from corral.app.people.people import People
from corral.app.placing.assembly import Placing
from corral.app.runtimes.assembly import RuntimeParts
from corral.app.server import Server
from corral.app.settings import default_settings
from corral.app.store.api_keys import ApiKeys, new_secret
from corral.app.store.audit import Audit
from corral.app.store.database import Database
from corral.app.store.history import History
from corral.app.store.statistics import Statistics
from corral.app.telemetry import Telemetry
from corral.app.watch import Watch, WatchedAudit, WatchedRequests
from corral.engines.devices import Devices, Memory
from corral.engines.library import Library
from corral.engines.pool import ModelPool
from corral.peers.identity.identity import Identity, load_identity
from corral.peers.replication.ledger import Ledger
from tests.app.api.books import (
    ADMIN,
    ADMIN_KEY,
    API_KEY,
    CHEAP,
    EXPIRED_KEY,
    NOW,
    OTHER_KEY,
    PASSWORD,
    VIEWER,
    four_keys,
    some_people,
)
from tests.app.api.memory import MemoryLog, MemoryStore
from tests.app.api.options import Options
from tests.app.cloud.side import CloudSide
from tests.app.cluster.lone import lone_node
from tests.app.endpoints.external import External
from tests.app.placing.lone_placing import lone_placing
from tests.app.registry.lone_registry import LoneRegistry
from tests.app.runtimes.beside import runtimes_of
from tests.app.sharing.lone_pausing import lone_pausing
from tests.app.store.files import opened

__all__ = ["ADMIN", "ADMIN_KEY", "API_KEY", "CHEAP", "EXPIRED_KEY", "NOW", "OTHER_KEY", "PASSWORD", "VIEWER"]

NODE = "testnode"
LOG_LIMITS = LogLimits(retention_days=7, max_bytes=10**9)


@dataclass
class Serving:
    """A running node side."""

    url: str
    app: CorralApp
    pool: ModelPool
    log: MemoryLog
    database: Database
    recorder: Recorder | None
    people: People
    api_keys: ApiKeys
    admission: Admission
    telemetry: Telemetry
    feed: EventFeed
    watch: Watch
    cluster_events: ClusterEvents
    cloud: CloudSide
    runtimes: RuntimeParts
    state: NodeState = NodeState.OK
    stops: int = 0
    restarts: int = 0

    def http(self, key: str | None = API_KEY) -> httpx.AsyncClient:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60)

    async def key_with(self, scopes: set[str]) -> str:
        """A new API key with these scopes."""
        secret = new_secret()
        await self.api_keys.create(secret, name="test", now=NOW, scopes=scopes)
        return secret

    def token(self, username: str) -> str:
        """A session's token, as signing in gives it."""
        user = self.people.users.named(username)
        assert user is not None
        return self.people.sessions.begin(user)[0]

    def openai(self, key: str = API_KEY) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0, timeout=60)


def _machine() -> Devices:
    return Devices(cores=1, memory=Memory(total_bytes=2**36, available_bytes=2**36))


class _Side:
    """The parts, as `app/node.py` puts them together."""

    def __init__(
        self,
        folder: Path,
        identity: Identity,
        ledger: Ledger,
        database: Database,
        keys: ApiKeys,
        people: People,
        options: Options,
    ) -> None:
        self._people = people
        self._database = database
        self._keys = keys
        self._options = options
        self._log = MemoryLog()
        self._recorder = Recorder(database=database, now=options.now) if options.records else None
        self._audit = Audit(database)
        self._metrics = Metrics(CollectorRegistry())
        self._pool = ModelPool(
            library=Library(folder=folder),
            engines=options.engines,
            limits=options.limits,
            options=lambda _name: options.load,
            devices=_machine,
        )
        self._telemetry = Telemetry(models=self._pool, now=options.now)
        self._feed = EventFeed()
        self._admission = Admission(
            queue_max=options.queue_max, queue_timeout_s=options.queue_timeout_s, observer=self._metrics
        )
        self._running: Serving | None = None
        self._settings = settings = replace(default_settings(folder), **options.settings)
        self._shared = ClusterSettings(ledger, settings)
        self._cloud = CloudSide(ledger, settings, self._metrics)
        self._lone = lone_node(folder, identity, ledger, self._pool, name=NODE, now=options.now)
        self._registry = LoneRegistry(
            folder, ledger, self._pool, self._lone, options.hub_url, options.patience_s
        )
        control = self._lone.membership.control
        numbers = ClusterMetrics(self._metrics.registry, control.numbers)
        self._cluster_events = ClusterEvents(feed=self._feed, cluster=control, metrics=numbers)
        self._external = External(
            ledger,
            cluster_id=lambda: self._lone.membership.info().cluster,
            own_hosts=(NODE,),
            observer=self._metrics,
        )
        EndpointMetrics(self._metrics.registry, self._external.control.numbers)
        self._runtimes = self._runtime_parts(ledger, folder)
        self._placing = self._placing_of_it()
        services = self._services()
        self._app = create_app(
            edge=self._edge(),
            routes=routes_of(services),
            node=services.node,
            metrics=self._metrics,
            cors_origins=options.cors_origins,
        )

    def _runtime_parts(self, ledger: Ledger, folder: Path) -> RuntimeParts:
        return runtimes_of(
            self._lone,
            ledger,
            folder,
            shared=self._shared,
            external=self._external,
            admission=self._admission,
            feed=self._feed,
            now=self._options.now,
        )

    def _placing_of_it(self) -> Placing:
        elsewhere = {
            "endpoint": self._external.endpoints,
            "runtime": self._runtimes.endpoints,
            "cloud": self._cloud.usable,
        }
        return lone_placing(self._pool, self._lone, elsewhere, self._options.load_patience_s)

    def _services(self) -> Services:
        options = self._options
        now = options.now
        endpoints = [self._endpoint(), *options.endpoints]
        gateway = self._gateway([*endpoints, *self._cloud.endpoints()])
        dashboard = self._dashboard(endpoints)
        self._watch = Watch(
            feed=self._feed,
            models=self._pool,
            load=self._admission,
            state=lambda: {"status": self._state().value},
            cluster=self._cluster_events.snapshot,
            endpoints=self._external.control.documents,
            machines=dashboard.live_runtimes,
            places=self._placing.places.live,
        )
        return Services(
            gateway=gateway,
            responses=ResponsesService(
                forward=gateway.forward, store=MemoryStore(), retention_s=lambda: 60.0, now=now
            ),
            models=self._pool,
            node=NodeInfo(name=NODE, version="0.0.1"),
            state=self._state,
            metrics=self._metrics,
            show_metrics=True,
            on_stop=self._stop,
            pausing=lone_pausing(self._lone),
            show_window=lambda: False,
            api_keys=self._keys,
            people=self._people,
            audit=self._audit,
            history=History(self._database),
            dashboard=dashboard,
            feed=self._feed,
            watch=self._watch,
            still_valid=self._still_valid,
            keep_alive_s=self._options.keep_alive_s,
            recording=self._recording,
            logs=options.logs or Logs(folder=Path("logs"), level="info", limits=LOG_LIMITS),
            tasks=lambda: options.tasks,
            cluster=self._lone.membership.control,
            cluster_settings=self._shared,
            settings=OwnSettings(
                own=self._settings, current=lambda: self._shared.current, since=NOW, environ={}
            ),
            on_restart=self._restart,
            pairing=self._lone.membership.desk,
            pairing_info=self._lone.membership.info,
            copies=self._lone.copying.control,
            endpoints=self._external.control,
            aliases=self._external.aliases,
            cloud=self._cloud,
            runtimes=self._runtimes,
            registry=self._registry.models.registry,
            model_files=self._registry.models.files,
            placing=self._placing,
            now=now,
        )

    def _gateway(self, endpoints: list[Endpoint]) -> Gateway:
        admission, now = self._admission, self._options.now
        return Gateway(
            endpoints=self._external.aliased(
                lambda: [*endpoints, *self._external.endpoints(), *self._runtimes.endpoints()]
            ),
            admission=admission,
            chooser=Chooser(admission=admission, experience=self._external.experience, now=now),
            observer=self._metrics,
            downloads=self._registry.downloads,
            arrivals=self._registry.models.arrivals,
            now=now,
        )

    def _endpoint(self) -> PoolEndpoint:
        return PoolEndpoint(
            pool=self._pool,
            node_name=NODE,
            observer=self._metrics,
            keep_alive_s=self._options.keep_alive_s,
            now=self._options.now,
        )

    def _dashboard(self, endpoints: list[Endpoint]) -> Dashboard:
        return Dashboard(
            node=NodeInfo(name=NODE, version="0.0.1"),
            state=self._state,
            models=self._pool,
            endpoints=lambda: [*endpoints, *self._external.endpoints()],
            servers=self._external.control.documents,
            load=self._admission,
            statistics=Statistics(self._database),
            telemetry=self._telemetry,
            recording=self._recording,
            cloud_keys=self._cloud.keys.present,
            registered=self._runtimes.runtimes,
            now=self._options.now,
        )

    def _still_valid(self, principal: Principal) -> bool:
        if principal.session is not None:
            return self._people.sessions.lasts(principal.session)
        return self._keys.is_valid(principal.id, now=self._options.now())

    def _recording(self) -> RecordingStatus:
        recorder = self._recorder
        return RecordingStatus(paused=False) if recorder is None else recorder.status

    def _edge(self) -> Edge:
        options = self._options
        return Edge(
            authenticator=Authenticator(
                keys=self._keys,
                sessions=self._people.sessions,
                trust_loopback=options.trust_loopback,
                on_key_used=self._keys.used,
                runtime_of=self._runtimes.owner_of,
            ),
            state=self._state,
            hosts=lambda: [each.lower() for each in options.allowed_hosts],
            requests=WatchedRequests(self._log if self._recorder is None else self._recorder, self._feed),
            audit=WatchedAudit(self._audit, self._feed),
            now=options.now,
        )

    def _state(self) -> NodeState:
        assert self._running is not None
        return self._running.state

    def _stop(self) -> None:
        assert self._running is not None
        self._running.stops += 1

    def _restart(self) -> None:
        assert self._running is not None
        self._running.restarts += 1

    @asynccontextmanager
    async def run(self) -> AsyncIterator[Serving]:
        server = Server(app=self._app, handler_of=self._app.plain.get, host="127.0.0.1", port=0, grace_s=1.0)
        await self._pool.start()
        await server.start()
        self._running = Serving(
            url=f"http://127.0.0.1:{server.port}",
            app=self._app,
            pool=self._pool,
            log=self._log,
            database=self._database,
            recorder=self._recorder,
            people=self._people,
            api_keys=self._keys,
            admission=self._admission,
            telemetry=self._telemetry,
            feed=self._feed,
            watch=self._watch,
            cluster_events=self._cluster_events,
            cloud=self._cloud,
            runtimes=self._runtimes,
        )
        try:
            await self._shared.load()
            await self._runtimes.open()
            async with (
                self._lone.running(),
                self._external.running(),
                self._cloud.running(),
                self._registry.running(),
            ):
                yield self._running
        finally:
            self._feed.close()
            await server.stop()
            await self._pool.stop()


@asynccontextmanager
async def serving(folder: Path, **options: Any) -> AsyncIterator[Serving]:
    """Serve the echo models in `folder`; `options` are fields of Options."""
    wanted = Options(**options)
    async with opened(folder) as (ledger, database):
        keys = await four_keys(ledger, database)
        people = await some_people(ledger, database, folder, wanted.now)
        identity = await asyncio.to_thread(load_identity, folder / "identity")
        side = _Side(folder, identity, ledger, database, keys, people, wanted)
        async with side.run() as running:
            yield running
