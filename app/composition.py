"""THE composition root: which part of a node is made of which. `app/node.py` brings it to life."""

import time
from collections.abc import Sequence

from prometheus_client import CollectorRegistry

from corral.app.api.app import create_app
from corral.app.api.cluster_metrics import ClusterMetrics
from corral.app.api.connection import CorralApp
from corral.app.api.edge import Edge
from corral.app.api.health import NodeInfo, NodeState, Place, health_document
from corral.app.api.metrics import Metrics
from corral.app.api.origins import host_allowed
from corral.app.api.table import Services, routes_of
from corral.app.cluster.claims import Claims
from corral.app.cluster.cluster_events import ClusterEvents
from corral.app.cluster.membership import Membership, Standpoint
from corral.app.cluster.preference import preference_of
from corral.app.cluster.serving_link import ServingLink
from corral.app.dashboard import Dashboard
from corral.app.events import EventFeed
from corral.app.front_door.door import FrontDoor
from corral.app.front_door.relay import Cluster as ClusterView
from corral.app.front_door.relay_route import RelayRoute
from corral.app.gateway.admission import Admission
from corral.app.gateway.auth import Authenticator
from corral.app.gateway.choice import Mode
from corral.app.gateway.chooser import Chooser
from corral.app.gateway.endpoint import Endpoint
from corral.app.gateway.experience import Experience
from corral.app.gateway.gateway import Gateway
from corral.app.gateway.pool_endpoint import PoolEndpoint
from corral.app.gateway.principal import Principal, PrincipalKind
from corral.app.gateway.quotas import Quotas
from corral.app.history import copy_wire
from corral.app.history.assembly import history_copying
from corral.app.history.recorder import Keep, Recorder
from corral.app.local_token import KeysWithLocalToken
from corral.app.logs import Logs
from corral.app.model_copy import copying as model_copy
from corral.app.model_copy.view import Others
from corral.app.openai.responses.service import ResponsesService
from corral.app.paths import DataDir
from corral.app.run_file import new_token
from corral.app.server import Server
from corral.app.serving.infer_route import InferRoute
from corral.app.serving.own_machine import OwnMachine
from corral.app.serving.peer_endpoints import PeerEndpoints
from corral.app.serving.reporter import Reporter
from corral.app.settings_table import Settings
from corral.app.state import State
from corral.app.stop_signal import StopSignal
from corral.app.store.audit import Audit
from corral.app.store.history import History
from corral.app.store.responses import Responses
from corral.app.store.statistics import Statistics
from corral.app.supervisor import Supervisor
from corral.app.telemetry import Telemetry
from corral.app.version import program_version
from corral.app.watch import Watch, WatchedAudit, WatchedRequests
from corral.engines.echo import EchoEngine
from corral.engines.library import Library
from corral.engines.limits import PoolLimits
from corral.engines.llama.engine import LlamaEngine
from corral.engines.pool import ModelPool
from corral.peers.transport.route import PeerRoute

DRAIN_S = 5.0  # answers in flight get so long when the node stops
_LAST_WORDS_S = 2.0  # then streams get an error event, and so long to send it
_DAY_S = 86_400.0


class Composition:
    """The parts of one node, built with keyword arguments only. Nothing runs yet."""

    def __init__(self, *, settings: Settings, state: State, logs: Logs, stop: StopSignal) -> None:
        self.settings = settings
        self.folder = DataDir(settings.data_dir)
        self.state = state
        self.logs = logs
        self.stop = stop
        self.phase = NodeState.STARTING
        self.token = new_token()
        self.supervisor = Supervisor()
        self._claims = Claims(lambda: self.membership.cluster)
        self.responses = Responses(state.database, clock=time.time)
        self.audit = Audit(state.database)
        self.history = History(state.database)
        self.recorder = Recorder(database=state.database, keep=Keep(state.shared.current.history))
        self.quotas = Quotas()
        self.feed = EventFeed()
        self.pool = self._pool()
        self.telemetry = Telemetry(models=self.pool)
        self._metrics = Metrics(CollectorRegistry())
        self.own_machine = OwnMachine(self.telemetry)
        self._experience = Experience()
        self._endpoint = PoolEndpoint(
            pool=self.pool,
            node_name=settings.node_name,
            machine=self.own_machine.machine,
            observer=self._metrics,
            experience=self._experience,
            keep_alive_s=settings.keep_alive_s,
        )
        self._peers = self._peer_endpoints()
        self.copying = self._copying()
        self.history_copying = history_copying(
            settings, state, cluster=lambda: self.membership.cluster, quotas=self.quotas
        )
        self.membership = self._membership()
        control = self.membership.control
        metrics = ClusterMetrics(self._metrics.registry, control.numbers)
        self.cluster_events = ClusterEvents(feed=self.feed, cluster=control, metrics=metrics)
        self._node = NodeInfo(name=settings.node_name, version=program_version(), place=self._place)
        self._admission = Admission(observer=self._metrics)
        self._follow_shared_settings(state.shared.current)
        state.shared.subscribe(self._follow_shared_settings)
        self._authenticator = self._new_authenticator()
        self.watch = Watch(
            feed=self.feed,
            models=self.pool,
            load=self._admission,
            state=lambda: health_document(self._node, self.phase, self.recorder.status),
            cluster=self.cluster_events.snapshot,
        )
        app = self._app()
        self.peer_routes: Sequence[PeerRoute] = self._peer_routes(app)
        self.server = Server(
            app=self._front_door(app),
            host=settings.host,
            port=settings.port,
            grace_s=DRAIN_S + _LAST_WORDS_S,
        )

    def _follow_shared_settings(self, current: Settings) -> None:
        """What the whole cluster may set counts at once."""
        self._admission.set_limits(queue_max=current.queue_max, queue_timeout_s=current.queue_timeout_secs)
        self.recorder.set_keep(Keep(current.history))

    # --- models

    def _pool(self) -> ModelPool:
        settings = self.settings
        return ModelPool(
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

    def _endpoints(self) -> Sequence[Endpoint]:
        return [self._endpoint, *self._peers.endpoints()]

    def _gateway(self) -> Gateway:
        chooser = Chooser(
            admission=self._admission,
            experience=self._experience,
            mode=Mode(self.settings.load_balancer_mode),
        )
        return Gateway(
            endpoints=self._endpoints,
            admission=self._admission,
            chooser=chooser,
            quotas=self.quotas,
            observer=self._metrics,
            downloads=self.copying.control.downloads,
            on_waited=self.copying.waited,
        )

    # --- the other machines

    def _peer_endpoints(self) -> PeerEndpoints:
        return PeerEndpoints(
            client=self.state.client,
            name_of=self.state.members.name,
            claim=self._claims.current,
            experience=self._experience,
            observer=self._metrics,
            keep_alive_s=self.settings.keep_alive_s,
            heard=lambda: self._admission.look_again(),
        )

    def _membership(self) -> Membership:
        state, settings = self.state, self.settings
        reporter = Reporter(
            pool=self.pool,
            telemetry=self.telemetry,
            endpoint=self._endpoint.id,
            experience=self._experience,
            program=program_version(),
            devices=self.own_machine.devices,
            battery=self.own_machine.battery,
            sha256=self.copying.sums.id_of,
            copies=self.copying.copies.progress,
            draining=lambda: self.phase is NodeState.DRAINING,
        )
        return Membership(
            settings=settings,
            program=program_version(),
            identity=state.identity,
            cluster=state.cluster,
            members=state.members,
            contacts=state.contacts,
            client=state.client,
            ledger=state.ledger,
            preference=lambda: preference_of(settings.router),
            serving=ServingLink(
                reporter=reporter, endpoints=self._peers, topics={copy_wire.TOPIC: self.history_copying}
            ),
            standpoint=Standpoint(
                used=self._used,
                end_sessions=state.secret.renew,
                start_anew=self.stop.ask_to_start_anew,
                changed=lambda: self.cluster_events.changed(),
            ),
        )

    def _copying(self) -> model_copy.Copying:
        settings, state = self.settings, self.state
        return model_copy.Copying(
            pool=self.pool,
            folder=settings.models_dir,
            sums_file=self.folder.model_sums,
            client=state.client,
            members=state.members,
            others=Others(peers=self._peers.peers, live=lambda: self.membership.cluster.live),
            standpoint=model_copy.Standpoint(
                node=state.identity.node,
                alone=lambda: self.membership.cluster.alone,
                is_router=lambda: self.membership.cluster.is_router,
                claim=self._claims.current,
                accepts=self._claims.accepts,
                machine=self.own_machine.machine,
                devices=self.own_machine.devices,
            ),
            rules=model_copy.Rules(
                max_bytes_per_s=settings.copy_max_bytes_per_s, automatically=settings.copy_automatically
            ),
        )

    def _used(self) -> bool:
        """Whether this machine has more than what every first start makes."""
        return len(self.state.people.users.all()) > 1 or self.state.keys.count() > 1

    def _place(self) -> Place:
        role = self.membership.control.role
        if role == "joining":
            role = "alone" if self.membership.cluster.alone else "follower"
        return Place(role=role, cluster=self.membership.name(), router_url=self.membership.url())

    def _peer_routes(self, app: CorralApp) -> Sequence[PeerRoute]:
        infer = InferRoute(
            pool=self.pool,
            accepts=self._claims.accepts,
            endpoint=self._endpoint.id,
            experience=self._experience,
        )
        relay = RelayRoute(app=app, routing=self._claims.routing, name_of=self.state.members.name)
        return [infer.route(), relay.route(), *self.copying.routes(), *self.history_copying.routes()]

    # --- HTTP

    def _new_authenticator(self) -> Authenticator:
        state = self.state
        return Authenticator(
            keys=KeysWithLocalToken(keys=state.keys, token=self.token),
            sessions=state.people.sessions,
            trust_loopback=self.settings.trust_loopback,
            on_key_used=state.keys.used,
        )

    def _hosts(self) -> frozenset[str]:
        name = self.settings.node_name
        label = self.membership.neighbourhood.label
        return frozenset(
            each.lower() for each in (*self.settings.allowed_hosts, name, f"{name}.local", f"{label}.local")
        )

    def _front_door(self, app: CorralApp) -> FrontDoor:
        return FrontDoor(
            app=app,
            cluster=ClusterView(
                routing=self._claims.routing,
                changed=self.membership.cluster.wait_for_change,
                peers=self.state.client,
            ),
            vouched=self._authenticator.vouched,
            host_ok=lambda host: host_allowed(host, self._hosts()),
            folder=self.folder.root,
        )

    def _app(self) -> CorralApp:
        settings, state = self.settings, self.state
        gateway = self._gateway()
        services = Services(
            gateway=gateway,
            responses=ResponsesService(
                forward=gateway.forward,
                store=self.responses,
                retention_s=lambda: state.shared.current.response_retention_days * _DAY_S,
                now=time.time,
            ),
            models=self.pool,
            node=self._node,
            state=lambda: self.phase,
            metrics=self._metrics,
            show_metrics=settings.metrics,
            on_stop=self.stop.ask,
            api_keys=state.keys,
            people=state.people,
            audit=self.audit,
            history=self.history,
            dashboard=self._dashboard(),
            feed=self.feed,
            watch=self.watch,
            still_valid=self._still_valid,
            keep_alive_s=settings.keep_alive_s,
            recording=lambda: self.recorder.status,
            logs=self.logs,
            tasks=self.supervisor.statuses,
            cluster=self.membership.control,
            cluster_settings=state.shared,
            pairing=self.membership.desk,
            pairing_info=self.membership.info,
            copies=self.copying.control,
            now=time.time,
        )
        return create_app(
            edge=self._edge(),
            routes=routes_of(services),
            node=self._node,
            metrics=self._metrics,
            cors_origins=settings.cors_origins,
        )

    def _edge(self) -> Edge:
        return Edge(
            authenticator=self._authenticator,
            state=lambda: self.phase,
            hosts=self._hosts,
            requests=WatchedRequests(self.recorder, self.feed),
            audit=WatchedAudit(self.audit, self.feed),
        )

    def _still_valid(self, principal: Principal) -> bool:
        if principal.session is not None:
            return self.state.people.sessions.lasts(principal.session)
        return principal.kind is PrincipalKind.THIS_MACHINE or self.state.keys.is_valid(
            principal.id, now=time.time()
        )

    def _dashboard(self) -> Dashboard:
        settings = self.settings
        return Dashboard(
            node=self._node,
            state=lambda: self.phase,
            models=self.pool,
            endpoints=self._endpoints,
            load=self._admission,
            statistics=Statistics(self.state.database),
            telemetry=self.telemetry,
            recording=lambda: self.recorder.status,
            cloud_keys={
                "openai": settings.openai_api_key is not None,
                "google": settings.google_api_key is not None,
                "anthropic": settings.anthropic_api_key is not None,
            },
            peers=self._peers.runtimes,
            peer_samples=self._peers.samples,
        )
