"""THE composition root: builds a node from its settings, runs it, ends it in order."""

import asyncio
import gc
import os
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from corral.app.api.app import create_app
from corral.app.api.connection import CorralApp
from corral.app.api.edge import Edge
from corral.app.api.health import NodeInfo, NodeState, health_document
from corral.app.api.metrics import Metrics
from corral.app.api.table import Services, routes_of
from corral.app.banner import ready_banner
from corral.app.dashboard import Dashboard
from corral.app.events import EventFeed
from corral.app.first_start import FirstCredentials, make_first_credentials
from corral.app.gateway.admission import Admission
from corral.app.gateway.auth import Authenticator
from corral.app.gateway.endpoint import Endpoint
from corral.app.gateway.gateway import Gateway
from corral.app.gateway.pool_endpoint import PoolEndpoint
from corral.app.gateway.principal import Principal, PrincipalKind
from corral.app.gateway.quotas import Quotas, day_start
from corral.app.history.recorder import Keep, Recorder
from corral.app.instance import InstanceLock
from corral.app.local_token import KeysWithLocalToken
from corral.app.log_files import LogLimits
from corral.app.logs import Logs
from corral.app.openai.responses.service import ResponsesService
from corral.app.paths import DataDir
from corral.app.people.people import People, open_people
from corral.app.run_file import RunFile, new_token, remove_run_files, write_run_files
from corral.app.server import Server
from corral.app.settings_table import Settings
from corral.app.stop_signal import StopSignal
from corral.app.store.api_keys import ApiKeys
from corral.app.store.audit import Audit
from corral.app.store.database import Database, open_database
from corral.app.store.errors import DiskFull
from corral.app.store.history import History
from corral.app.store.responses import Responses
from corral.app.store.statistics import Statistics
from corral.app.store.usage import used_since
from corral.app.supervisor import Supervisor
from corral.app.telemetry import INTERVAL_S, Telemetry
from corral.app.urls import urls_of
from corral.app.version import program_version
from corral.app.watch import POLL_S, Watch, WatchedAudit, WatchedRequests
from corral.engines.echo import EchoEngine
from corral.engines.library import Library
from corral.engines.limits import PoolLimits
from corral.engines.llama.engine import LlamaEngine
from corral.engines.pool import ModelPool

DRAIN_S = 5.0  # answers in flight get so long when the node stops
_LAST_WORDS_S = 2.0  # then streams get an error event, and so long to send it
_SWITCH_INTERVAL_S = 0.001  # threads that redact and write records give the loop the interpreter back quickly
_GARBAGE_THRESHOLD = (
    20_000  # new objects before the collector looks at them; Python's 700 is for small programs
)
_DAY_S = 86_400.0
_HOUR_S = 3_600.0
_MINUTE_S = 60.0
_LOG = structlog.get_logger(__name__)

Say = Callable[[str], None]


async def run_node(*, settings: Settings, say: Say) -> None:
    """Serve until SIGTERM, SIGINT or POST /v0/node/stop. `say` gets what a person should read.

    Raises AlreadyRunning, ServerError, StoreError, OSError when it can't start.
    """
    folder = DataDir(settings.data_dir)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with InstanceLock(folder.lock), _logging(settings) as logs:
        stop = StopSignal()
        with stop.on_signals():
            async with _database(folder) as database:
                keys = ApiKeys(database)
                await keys.load()
                people = await open_people(
                    database, secret=settings.session_secret, secret_file=folder.session_secret
                )
                node = _Node(
                    settings=settings,
                    database=database,
                    keys=keys,
                    people=people,
                    logs=logs,
                    stop=stop,
                    say=say,
                )
                await node.run()


@contextmanager
def _logging(settings: Settings) -> Iterator[Logs]:
    limits = LogLimits(retention_days=settings.log_retention_days, max_bytes=settings.log_max_bytes)
    logs = Logs(folder=settings.log_dir, level=settings.log_level, limits=limits)
    logs.open(now=datetime.now(UTC))
    try:
        for notice in settings.notices:
            _LOG.warning(notice)
        yield logs
    finally:
        logs.close()


@asynccontextmanager
async def _database(folder: DataDir) -> AsyncIterator[Database]:
    database = await open_database(folder.database)
    try:
        yield database
    finally:
        await database.close()


class _Node:
    """The parts, built with keyword arguments only."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        keys: ApiKeys,
        people: People,
        logs: Logs,
        stop: StopSignal,
        say: Say,
    ) -> None:
        self._settings = settings
        self._folder = DataDir(settings.data_dir)
        self._keys = keys
        self._people = people
        self._logs = logs
        self._stop = stop
        self._say = say
        self._state = NodeState.STARTING
        self._token = new_token()
        self._database = database
        self._responses = Responses(database, clock=time.time)
        self._audit = Audit(database)
        self._history = History(database)
        self._recorder = Recorder(database=database, keep=Keep(settings.history))
        self._quotas = Quotas()
        self._supervisor = Supervisor()
        self._pool = ModelPool(
            library=Library(folder=settings.models_dir, extra_folders=settings.model_folders),
            engines=[LlamaEngine(), EchoEngine()],
            limits=PoolLimits(
                max_loaded=settings.max_loaded_models,
                max_memory_bytes=settings.max_memory_bytes,
                idle_timeout_s=settings.model_idle_timeout_s,
                queue_max=settings.model_queue_max,
                queue_timeout_s=settings.model_queue_timeout_s,
            ),
            options=settings.models.for_model,
        )
        self._telemetry = Telemetry(models=self._pool)
        self._feed = EventFeed()
        self._server = Server(
            app=self._app(),
            host=settings.host,
            port=settings.port,
            grace_s=DRAIN_S + _LAST_WORDS_S,
        )

    def _app(self) -> CorralApp:
        settings = self._settings
        metrics = Metrics(CollectorRegistry())
        endpoint = PoolEndpoint(
            pool=self._pool,
            node_name=settings.node_name,
            observer=metrics,
            keep_alive_s=settings.keep_alive_s,
        )
        admission = Admission(
            queue_max=settings.queue_max, queue_timeout_s=settings.queue_timeout_secs, observer=metrics
        )
        gateway = Gateway(
            endpoints=lambda: [endpoint], admission=admission, quotas=self._quotas, observer=metrics
        )
        node = NodeInfo(name=settings.node_name, version=program_version())
        self._watch = Watch(
            feed=self._feed,
            models=self._pool,
            load=admission,
            state=lambda: health_document(node, self._state, self._recorder.status),
        )
        services = Services(
            gateway=gateway,
            responses=ResponsesService(
                forward=gateway.forward,
                store=self._responses,
                retention_s=settings.response_retention_days * _DAY_S,
                now=time.time,
            ),
            models=self._pool,
            node=node,
            state=lambda: self._state,
            metrics=metrics,
            show_metrics=settings.metrics,
            on_stop=self._stop.ask,
            api_keys=self._keys,
            people=self._people,
            audit=self._audit,
            history=self._history,
            dashboard=self._dashboard(node=node, endpoints=[endpoint], admission=admission),
            feed=self._feed,
            watch=self._watch,
            still_valid=self._still_valid,
            keep_alive_s=settings.keep_alive_s,
            recording=lambda: self._recorder.status,
            logs=self._logs,
            tasks=self._supervisor.statuses,
            now=time.time,
        )
        return create_app(
            edge=self._edge(),
            routes=routes_of(services),
            node=services.node,
            metrics=metrics,
            cors_origins=settings.cors_origins,
        )

    def _edge(self) -> Edge:
        settings = self._settings
        return Edge(
            authenticator=Authenticator(
                keys=KeysWithLocalToken(keys=self._keys, token=self._token),
                sessions=self._people.sessions,
                trust_loopback=settings.trust_loopback,
                on_key_used=self._keys.used,
            ),
            state=lambda: self._state,
            hosts=(*settings.allowed_hosts, settings.node_name, f"{settings.node_name}.local"),
            requests=WatchedRequests(self._recorder, self._feed),
            audit=WatchedAudit(self._audit, self._feed),
        )

    def _still_valid(self, principal: Principal) -> bool:
        if principal.session is not None:
            return self._people.sessions.lasts(principal.session)
        return principal.kind is PrincipalKind.THIS_MACHINE or self._keys.is_valid(
            principal.id, now=time.time()
        )

    def _dashboard(self, *, node: NodeInfo, endpoints: list[Endpoint], admission: Admission) -> Dashboard:
        settings = self._settings
        return Dashboard(
            node=node,
            state=lambda: self._state,
            models=self._pool,
            endpoints=lambda: endpoints,
            load=admission,
            statistics=Statistics(self._database),
            telemetry=self._telemetry,
            recording=lambda: self._recorder.status,
            cloud_keys={
                "openai": settings.openai_api_key is not None,
                "google": settings.google_api_key is not None,
                "anthropic": settings.anthropic_api_key is not None,
            },
        )

    async def run(self) -> None:
        """From the first connection to the last."""
        self._settings.models_dir.mkdir(parents=True, exist_ok=True)
        await self._server.start()
        try:
            await self._pool.start()
            await self._recorder.open()
            now = time.time()
            self._quotas.restore(await used_since(self._database, day_start(now)), now=now)
            self._supervise()
            first = await make_first_credentials(
                settings=self._settings,
                keys=self._keys,
                users=self._people.users,
                passwords=self._people.passwords,
            )
            _spare_the_collector()
            await self._announce(first)
            self._state = NodeState.OK  # last: whoever sees it finds everything announced
            await self._until_asked_to_stop()
        finally:
            await self._end()

    def _supervise(self) -> None:
        async def purge_responses() -> None:
            await self._responses.purge()

        async def purge_history() -> None:
            now = time.time()
            await self._history.purge(before=now - self._settings.history_retention_days * _DAY_S, now=now)

        async def purge_people() -> None:
            await self._audit.purge(now=time.time())
            await self._people.purge(now=time.time())

        async def remove_old_logs() -> None:
            await asyncio.to_thread(self._logs.remove_old, now=datetime.now(UTC))

        self._supervisor.every(_HOUR_S, "purge of stored responses", purge_responses)

        async def sample_load() -> None:
            await self._telemetry.sample()

        self._supervisor.start("recording", self._recorder.run)
        self._supervisor.every(POLL_S, "watching for events", self._watch.look)
        self._supervisor.every(INTERVAL_S, "sampling of the load", sample_load)
        self._supervisor.every(_HOUR_S, "purge of the history", purge_history)
        self._supervisor.every(_HOUR_S, "purge of old sessions, invitations and audit entries", purge_people)
        self._supervisor.every(_MINUTE_S, "noting when keys were used", self._keys.write_use)
        self._supervisor.every(_HOUR_S, "removal of old logs", remove_old_logs)

    async def _announce(self, first: FirstCredentials) -> None:
        """Tell this machine's commands and its people where the node answers."""
        settings = self._settings
        urls = urls_of(settings.host, self._server.port)
        run = RunFile(pid=os.getpid(), port=self._server.port, url=urls.local, started_at=time.time())
        await asyncio.to_thread(write_run_files, self._folder, run, self._token)
        _LOG.info("ready", url=urls.local, version=program_version(), data_dir=str(settings.data_dir))
        self._say(
            ready_banner(
                version=program_version(),
                urls=urls,
                models=self._pool.models(),
                models_dir=settings.models_dir,
                first=first,
            )
        )

    async def _until_asked_to_stop(self) -> None:
        asked = asyncio.create_task(self._stop.asked.wait())
        serving = asyncio.create_task(self._server.run())
        try:
            await asyncio.wait([asked, serving], return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                serving.result()
        finally:
            await _cancelled(asked)
            await _cancelled(serving)

    async def _end(self) -> None:
        """Answers in flight may finish; then streams get an error event; then everything is cut."""
        self._state = NodeState.DRAINING
        self._feed.close()
        _LOG.info("stopping")
        stopping = asyncio.create_task(self._server.stop())
        hurry = asyncio.create_task(self._stop.hurry.wait())
        await asyncio.wait([stopping, hurry], timeout=DRAIN_S, return_when=asyncio.FIRST_COMPLETED)
        await _cancelled(hurry)
        await self._pool.stop()
        await stopping
        await self._supervisor.stop()
        await self._recorder.stop()
        with suppress(DiskFull, sqlite3.Error):  # whether a key was used is not worth a failing stop
            await self._keys.write_use()
        await asyncio.to_thread(remove_run_files, self._folder)
        _LOG.info("stopped")


def _spare_the_collector() -> None:
    """What is there when the node is ready stays: looking through it for garbage again and again costs answers time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD)


async def _cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait([task])
