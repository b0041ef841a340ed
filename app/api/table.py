"""THE route table: every handler of the HTTP side, made from the services that it uses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from corral.app.api.alias_routes import AliasRoutes
from corral.app.api.anthropic_routes import AnthropicRoutes
from corral.app.api.audit_routes import AuditRoutes
from corral.app.api.auth_routes import AuthRoutes
from corral.app.api.cloud_routes import CloudControl, CloudRoutes
from corral.app.api.cluster_routes import ClusterControl, ClusterRoutes
from corral.app.api.cluster_settings_routes import ClusterSettingsRoutes
from corral.app.api.copy_routes import CopyControl, CopyRoutes
from corral.app.api.dashboard_routes import DashboardRoutes
from corral.app.api.endpoint_routes import EndpointRoutes
from corral.app.api.event_routes import EventRoutes
from corral.app.api.health import Health, NodeInfo, NodeState
from corral.app.api.history_routes import HistoryRoutes
from corral.app.api.key_routes import KeyRoutes
from corral.app.api.log_routes import LogControl, LogRoutes
from corral.app.api.metrics import Metrics
from corral.app.api.node_routes import NodeModels, NodeRoutes
from corral.app.api.ollama_routes import OllamaRoutes
from corral.app.api.one_time_routes import OneTimeRoutes
from corral.app.api.pair_routes import Desk, PairRoutes
from corral.app.api.place_routes import PlaceRoutes
from corral.app.api.registry_routes import ModelFiles, RegistryControl, RegistryRoutes
from corral.app.api.route import Route
from corral.app.api.runtime_routes import RuntimeRoutes
from corral.app.api.settings_routes import SettingsRoutes
from corral.app.api.sharing_routes import SharingRoutes
from corral.app.api.statistics_routes import StatisticsRoutes
from corral.app.api.task_routes import TaskRoutes
from corral.app.api.user_routes import InvitationRoutes, UserRoutes
from corral.app.api.v1 import V1
from corral.app.cluster.knocking import ClusterInfo
from corral.app.cluster_settings import ClusterSettings
from corral.app.dashboard import Dashboard
from corral.app.endpoints.alias_book import AliasBook
from corral.app.endpoints.control import EndpointControl
from corral.app.events import EventFeed
from corral.app.gateway.gateway import Gateway
from corral.app.gateway.principal import Principal
from corral.app.history.recorder import RecordingStatus
from corral.app.openai.responses.service import ResponsesService
from corral.app.own_settings import OwnSettings
from corral.app.page.page_files import PageFiles
from corral.app.page.page_routes import PageRoutes
from corral.app.people.people import People
from corral.app.placing.assembly import Placing
from corral.app.runtimes.assembly import RuntimeParts
from corral.app.sharing.assembly import Pausing
from corral.app.store.api_keys import ApiKeys
from corral.app.store.audit import Audit
from corral.app.store.history import History
from corral.app.supervisor import TaskStatus
from corral.app.watch import Watch
from corral.webui import BUILT


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the handlers use. `on_stop` and `on_restart` must return at once; `now` gives Unix time in seconds."""

    gateway: Gateway
    responses: ResponsesService
    models: NodeModels
    node: NodeInfo
    state: Callable[[], NodeState]
    metrics: Metrics
    show_metrics: bool
    on_stop: Callable[[], None]
    pausing: Pausing
    show_window: Callable[[], bool]
    api_keys: ApiKeys
    people: People
    audit: Audit
    logs: LogControl
    tasks: Callable[[], Sequence[TaskStatus]]
    history: History
    dashboard: Dashboard
    feed: EventFeed
    watch: Watch
    still_valid: Callable[[Principal], bool]
    keep_alive_s: float
    recording: Callable[[], RecordingStatus]
    cluster: ClusterControl
    cluster_settings: ClusterSettings
    settings: OwnSettings
    on_restart: Callable[[], None]
    pairing: Desk
    pairing_info: Callable[[], ClusterInfo]
    copies: CopyControl
    endpoints: EndpointControl
    aliases: AliasBook
    cloud: CloudControl
    runtimes: RuntimeParts
    registry: RegistryControl
    model_files: ModelFiles
    placing: Placing
    now: Callable[[], float]


def routes_of(services: Services) -> list[Route]:
    """Every route but that of the document which describes them."""
    return [
        *V1(gateway=services.gateway, responses=services.responses).routes(),
        *AnthropicRoutes(gateway=services.gateway).routes(),
        *OllamaRoutes(
            gateway=services.gateway,
            local=services.models.models,
            registry=services.registry,
            copies=services.copies.documents,
            version=services.node.version,
            now=services.now,
        ).routes(),
        *Health(
            node=services.node,
            state=services.state,
            metrics=services.metrics,
            show_metrics=services.show_metrics,
            recording=services.recording,
        ).routes(),
        *NodeRoutes(
            models=services.models,
            on_stop=services.on_stop,
            sharing=services.pausing.sharing,
            show_window=services.show_window,
        ).routes(),
        *KeyRoutes(keys=services.api_keys, now=services.now).routes(),
        *_people_routes(services.people, services.now),
        *_record_routes(services),
        *AuditRoutes(audit=services.audit).routes(),
        *LogRoutes(logs=services.logs).routes(),
        *TaskRoutes(statuses=services.tasks, now=services.now).routes(),
        *ClusterRoutes(control=services.cluster).routes(),
        *SharingRoutes(control=services.pausing.control).routes(),
        *ClusterSettingsRoutes(settings=services.cluster_settings).routes(),
        *SettingsRoutes(
            settings=services.settings, node=services.node.name, on_restart=services.on_restart
        ).routes(),
        *RuntimeRoutes(
            runtimes=services.runtimes.runtimes,
            shown=services.dashboard.runtimes,
            logs=services.runtimes.logs,
        ).routes(),
        *CopyRoutes(control=services.copies).routes(),
        *EndpointRoutes(control=services.endpoints).routes(),
        *AliasRoutes(aliases=services.aliases).routes(),
        *CloudRoutes(control=services.cloud).routes(),
        *PlaceRoutes(places=services.placing.places, control=services.placing.control).routes(),
        *RegistryRoutes(registry=services.registry, files=services.model_files).routes(),
        *PairRoutes(desk=services.pairing, info=services.pairing_info).routes(),
        *PageRoutes(PageFiles(BUILT)).routes(),
    ]


def _record_routes(services: Services) -> list[Route]:
    return [
        *HistoryRoutes(history=services.history, recording=services.recording).routes(),
        *DashboardRoutes(
            dashboard=services.dashboard, statistics=services.dashboard.statistics, now=services.now
        ).routes(),
        *StatisticsRoutes(statistics=services.dashboard.statistics, now=services.now).routes(),
        *EventRoutes(
            feed=services.feed,
            watch=services.watch,
            still_valid=services.still_valid,
            state=services.state,
            keep_alive_s=services.keep_alive_s,
        ).routes(),
    ]


def _people_routes(people: People, now: Callable[[], float]) -> list[Route]:
    auth = AuthRoutes(
        users=people.users,
        passwords=people.passwords,
        sessions=people.sessions,
        revoked=people.revoked,
        invitations=people.invitations,
        now=now,
    )
    one_time = OneTimeRoutes(tokens=people.one_time, users=people.users, sessions=people.sessions, now=now)
    return [
        *auth.routes(),
        *one_time.routes(),
        *UserRoutes(users=people.users, passwords=people.passwords, now=now).routes(),
        *InvitationRoutes(invitations=people.invitations, now=now).routes(),
    ]
