"""A node's life: started, kept running, ended in order."""

import asyncio
import gc
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog

from corral.app import freed_memory
from corral.app.api.health import NodeState
from corral.app.banner import ClusterPlace, joining_notice, ready_banner
from corral.app.composition import DRAIN_S, Composition
from corral.app.desktop.window_link import WindowLink
from corral.app.first_start import FirstCredentials, make_first_credentials
from corral.app.gateway.quotas import day_start
from corral.app.history.legacy_history import LegacyHistory
from corral.app.history.recorder import Keep
from corral.app.instance import InstanceLock
from corral.app.log_files import LogLimits
from corral.app.logs import Logs
from corral.app.paths import DataDir
from corral.app.run_file import RunFile, remove_run_files, write_run_files
from corral.app.server import ServerError
from corral.app.settings import SettingsError, read_again
from corral.app.settings_table import Settings
from corral.app.state import open_state
from corral.app.stop_signal import StopSignal
from corral.app.store.errors import DiskFull
from corral.app.store.usage import used_since
from corral.app.telemetry import INTERVAL_S
from corral.app.urls import urls_of
from corral.app.version import program_version
from corral.peers.transport.listening import ListenError

_SWITCH_INTERVAL_S = 0.001  # threads that write records give the loop the interpreter back quickly
_GARBAGE_THRESHOLD = (
    20_000  # new objects before the collector looks at them; Python's 700 is for small programs
)
_DAY_S = 86_400.0
_HOUR_S = 3_600.0
_MINUTE_S = 60.0
_GIVE_BACK_S = 30.0
_LOG = structlog.get_logger(__name__)

Say = Callable[[str], None]


async def run_node(
    *,
    settings: Settings,
    say: Say,
    stop: StopSignal | None = None,
    link: WindowLink | None = None,
    no_icon: str | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT, POST /v0/node/stop or `stop`. `say` gets what a person should read, `no_icon` why there is
    no icon in the tray.

    A node that joined or left a cluster, or was asked to restart, starts anew with all of its parts, and reads its settings
    again. Raises AlreadyRunning, ServerError, ListenError, StoreError, IdentityError, ClusterFileError, OSError when it can't
    start.
    """
    folder = DataDir(settings.data_dir)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    folder.make()
    stop, link = stop or StopSignal(), link or WindowLink()
    before: Settings | None = None  # what to go back to where a restart with others fails
    with InstanceLock(folder.lock), stop.on_signals():
        while True:
            started = asyncio.Event()
            try:
                with _logging(settings) as logs:
                    if no_icon is not None:
                        _tell_no_icon(no_icon, say)
                        no_icon = None
                    async with open_state(settings) as state:
                        parts = Composition(settings=settings, state=state, logs=logs, stop=stop, link=link)
                        await _Node(parts, say=say, started=started).run()
            except (ServerError, ListenError, OSError) as error:
                if started.is_set() or before is None:
                    raise
                settings, before = _back_to(before, error), None
                continue
            if not stop.starts_anew:
                return
            stop.begin_again()
            before, settings = settings, await _read_again(settings)


def _tell_no_icon(reason: str, say: Say) -> None:
    _LOG.info("no icon in the tray", reason=reason)
    say(f"No icon in the tray: {reason}. `corral open` and `corral status` work all the same.")


async def _read_again(settings: Settings) -> Settings:
    """What has been changed meanwhile counts now, unless it can't be used."""
    try:
        return await asyncio.to_thread(read_again, settings, os.environ)
    except SettingsError as error:
        return _back_to(settings, error)


def _back_to(before: Settings, error: Exception) -> Settings:
    """Whoever restarts a machine from afar couldn't mend one that doesn't start."""
    notice = f"The changed settings are not in force, because the node can't start with them: {error}"
    return replace(before, notices=(notice,))


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


class _Node:
    """One life of the parts."""

    def __init__(self, parts: Composition, *, say: Say, started: asyncio.Event) -> None:
        self._parts = parts
        self._say = say
        self._started = started

    async def run(self) -> None:
        """From the first connection to the last."""
        parts = self._parts
        parts.settings.models_dir.mkdir(parents=True, exist_ok=True)
        await parts.server.start()
        try:
            await parts.pool.start()
            await parts.external.load()
            await parts.cloud.load()
            now = time.time()
            parts.quotas.restore(await used_since(parts.state.database, day_start(now)), now=now)
            await parts.runtimes.open()
            await parts.membership.open(front_port=parts.server.port, routes=parts.peer_routes)
            self._supervise()
            first = await make_first_credentials(
                settings=parts.settings,
                keys=parts.state.keys,
                users=parts.state.people.users,
                passwords=parts.state.people.passwords,
                joined=parts.state.ledger.joined,
            )
            _spare_the_collector()
            await self._announce(first)
            self._started.set()
            parts.phase = NodeState.OK  # last: whoever sees it finds everything announced
            await parts.stop.asked.wait()
        finally:
            await self._end()

    def _supervise(self) -> None:
        parts, supervisor = self._parts, self._parts.supervisor

        async def purge_responses() -> None:
            await parts.responses.purge()

        async def purge_history() -> None:
            now = time.time()
            days = parts.state.shared.current.history_retention_days
            await parts.history.purge(before=now - days * _DAY_S, now=now)

        async def purge_audit() -> None:
            await parts.audit.purge(now=time.time())

        async def take_over_history() -> None:
            current = parts.state.shared.current
            if Keep(current.history) is not Keep.OFF:
                old = LegacyHistory(
                    parts.folder.legacy_history, recorder=parts.recorder, history=parts.history
                )
                await old.take_over(not_before=time.time() - current.history_retention_days * _DAY_S)

        async def remove_old_logs() -> None:
            await asyncio.to_thread(parts.logs.remove_old, now=datetime.now(UTC))

        async def give_memory_back() -> None:
            await asyncio.to_thread(freed_memory.give_back)

        async def sample_load() -> None:
            await parts.telemetry.sample()

        parts.membership.supervise(supervisor)
        parts.copying.supervise(supervisor)
        parts.external.supervise(supervisor)
        parts.cloud.supervise(supervisor)
        parts.runtimes.supervise(supervisor)
        parts.models.supervise(supervisor)
        parts.placing.supervise(supervisor)
        parts.cluster_events.on_joining = self._tell_joining
        supervisor.start("telling of the cluster", parts.cluster_events.run)
        supervisor.start("recording", parts.recorder.run)
        supervisor.start("taking over an older history", take_over_history)
        supervisor.start("telling of the history", parts.history_copying.run_telling)
        supervisor.start("copying the history", parts.history_copying.run_copying)
        supervisor.start("watching for events", parts.watch.run)
        supervisor.every(INTERVAL_S, "sampling of the load", sample_load)
        supervisor.start("looking at this machine", parts.own_machine.run)
        supervisor.every(_HOUR_S, "purge of stored responses", purge_responses)
        supervisor.every(_HOUR_S, "purge of the history", purge_history)
        supervisor.every(_HOUR_S, "purge of old audit entries", purge_audit)
        supervisor.every(_GIVE_BACK_S, "giving freed memory back", give_memory_back)
        supervisor.every(_MINUTE_S, "noting when keys were used", parts.state.keys.write_use)
        supervisor.every(_HOUR_S, "removal of old logs", remove_old_logs)

    async def _announce(self, first: FirstCredentials) -> None:
        """Tell this machine's commands and its people where the node answers."""
        parts, settings = self._parts, self._parts.settings
        urls = urls_of(settings.host, parts.server.port)
        run = RunFile(pid=os.getpid(), port=parts.server.port, url=urls.local, started_at=time.time())
        await asyncio.to_thread(write_run_files, parts.folder, run, parts.token)
        cluster = self._cluster_place()
        _LOG.info(
            "ready",
            url=urls.local,
            version=program_version(),
            data_dir=str(settings.data_dir),
            cluster=cluster.name,
            cluster_url=cluster.url,
        )
        self._say(
            ready_banner(
                version=program_version(),
                urls=urls,
                models=parts.pool.models(),
                models_dir=settings.models_dir,
                first=first,
                cluster=cluster,
            )
        )

    def _cluster_place(self) -> ClusterPlace:
        membership = self._parts.membership
        return ClusterPlace(
            name=membership.name(),
            others=membership.info().members - 1,
            url=membership.url() if membership.neighbourhood.says_name else None,
        )

    def _tell_joining(self, joining: Mapping[str, Any] | None) -> None:
        notice = joining_notice(self._parts.settings.node_name, joining)
        if notice is not None and joining is not None:
            _LOG.info(
                "to be let in", cluster=joining["cluster_name"], code=joining["code"], error=joining["error"]
            )
            self._say(notice)

    async def _end(self) -> None:
        """Another machine becomes the router; answers in flight may finish; then streams get an error event; then all is cut."""
        parts = self._parts
        await parts.membership.drain()
        parts.phase = NodeState.DRAINING
        parts.feed.close()
        _LOG.info("stopping")
        stopping = asyncio.create_task(parts.server.stop())
        hurry = asyncio.create_task(parts.stop.hurry.wait())
        await asyncio.wait([stopping, hurry], timeout=DRAIN_S, return_when=asyncio.FIRST_COMPLETED)
        await _cancelled(hurry)
        await parts.pool.stop()
        await parts.upstream.close()
        await stopping
        await parts.supervisor.stop()
        await parts.models.close()
        await parts.membership.close()
        await parts.recorder.stop()
        with suppress(DiskFull, sqlite3.Error):  # whether a key was used is not worth a failing stop
            await parts.state.keys.write_use()
        await asyncio.to_thread(remove_run_files, parts.folder)
        _LOG.info("stopped")


def _spare_the_collector() -> None:
    """What is there when the node is ready stays: looking through it for garbage again and again costs answers time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD)


async def _cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait([task])
