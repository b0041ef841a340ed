"""The parts of a node but for its HTTP side: models, other machines, gateway, records."""

import time
from collections.abc import Sequence
from functools import partial

from prometheus_client import CollectorRegistry

from corral.app.api.cluster_metrics import ClusterMetrics
from corral.app.api.endpoint_metrics import EndpointMetrics
from corral.app.api.health import NodeInfo, NodeState, Place
from corral.app.api.metrics import Metrics
from corral.app.api.runtime_metrics import RuntimeMetrics
from corral.app.cloud.assembly import CloudProviders
from corral.app.cluster.claims import Claims
from corral.app.cluster.cluster_events import ClusterEvents
from corral.app.cluster.membership import Membership, Standpoint
from corral.app.cluster.preference import preference_of
from corral.app.cluster.serving_link import ServingLink
from corral.app.endpoints.assembly import ExternalEndpoints
from corral.app.events import EventFeed
from corral.app.gateway.admission import Admission
from corral.app.gateway.arrivals import is_listed
from corral.app.gateway.choice import Mode
from corral.app.gateway.chooser import Chooser
from corral.app.gateway.endpoint import Endpoint
from corral.app.gateway.experience import Experience
from corral.app.gateway.gateway import Gateway
from corral.app.gateway.pool_endpoint import PoolEndpoint
from corral.app.gateway.quotas import Quotas
from corral.app.history import copy_wire
from corral.app.history.assembly import history_copying
from corral.app.history.recorder import Keep, Recorder
from corral.app.logs import Logs
from corral.app.model_copy import copying as model_copy
from corral.app.model_copy.view import Others
from corral.app.paths import DataDir
from corral.app.placing.assembly import Placing
from corral.app.registry.assembly import ModelRegistry
from corral.app.run_file import new_token
from corral.app.runtimes.assembly import OtherMachines, RuntimeParts, Serving
from corral.app.serving.own_machine import OwnMachine
from corral.app.serving.peer_endpoints import PeerEndpoints
from corral.app.serving.reporter import Reporter
from corral.app.settings_table import Settings
from corral.app.sharing.assembly import Pausing
from corral.app.sharing.sharing import Sharing
from corral.app.state import State
from corral.app.stop_signal import StopSignal
from corral.app.store.audit import Audit
from corral.app.store.history import History
from corral.app.store.responses import Responses
from corral.app.supervisor import Supervisor
from corral.app.telemetry import Telemetry
from corral.app.upstream.client import UpstreamClient
from corral.app.version import program_version
from corral.engines.accelerators import Accelerators
from corral.engines.devices import read_devices
from corral.engines.echo import EchoEngine
from corral.engines.library import Library
from corral.engines.limits import PoolLimits
from corral.engines.llama.engine import LlamaEngine
from corral.engines.load import read_load
from corral.engines.pool import ModelPool


class Parts:
    """The parts of one node but for its HTTP side, built with keyword arguments only. Nothing runs yet."""

    def __init__(self, *, settings: Settings, state: State, logs: Logs, stop: StopSignal) -> None:
        self.settings = settings
        self.folder = DataDir(settings.data_dir)
        self.state = state
        self.logs = logs
        self.stop = stop
        self.phase = NodeState.STARTING
        self.token = new_token()
        self.sharing = Sharing()
        self.supervisor = Supervisor()
        self._claims = Claims(lambda: self.membership.cluster)
        self.responses = Responses(state.database, clock=time.time)
        self.audit = Audit(state.database)
        self.history = History(state.database)
        self.recorder = Recorder(database=state.database, keep=Keep(state.shared.current.history))
        self.quotas = Quotas()
        self.feed = EventFeed()
        self._accelerators = Accelerators()
        self._devices = partial(read_devices, self._accelerators)
        self.pool = self._pool()
        self.upstream = UpstreamClient()
        self.telemetry = Telemetry(models=self.pool, read=lambda: read_load(self._accelerators.known()))
        self._metrics = Metrics(CollectorRegistry())
        self.own_machine = OwnMachine(self.telemetry, read=self._devices)
        self._experience = Experience()
        self._endpoint = PoolEndpoint(
            pool=self.pool,
            node_name=settings.node_name,
            machine=self.own_machine.machine,
            file_sum=lambda file: self.copying.sums.id_of(file),
            observer=self._metrics,
            experience=self._experience,
            keep_alive_s=settings.keep_alive_s,
        )
        self.cloud = self._cloud()
        self._peers = self._peer_endpoints()
        self.external = self._external_endpoints()
        self.copying = self._copying()
        self.models = self._model_registry()
        self.history_copying = history_copying(
            settings, state, cluster=lambda: self.membership.cluster, quotas=self.quotas
        )
        self.membership = self._membership()
        control = self.membership.control
        metrics = ClusterMetrics(self._metrics.registry, control.numbers)
        EndpointMetrics(self._metrics.registry, self.external.control.numbers)
        self.cluster_events = ClusterEvents(feed=self.feed, cluster=control, metrics=metrics)
        self._node = NodeInfo(
            name=settings.node_name,
            version=program_version(),
            place=self._place,
            paused=lambda: self.sharing.paused,
        )
        self._admission = Admission(observer=self._metrics)
        self.runtimes = self._runtimes()
        RuntimeMetrics(self._metrics.registry, self.runtimes.counts)
        self.placing = self._placing()
        self.pausing = self._pausing()
        self._follow_shared_settings(state.shared.current)
        state.shared.subscribe(self._follow_shared_settings)

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
            devices=self._devices,
        )

    def _endpoints(self) -> Sequence[Endpoint]:
        elsewhere = [*self.external.endpoints(), *self.runtimes.endpoints()]
        return [self._endpoint, *self._peers.endpoints(), *elsewhere]

    def _gateway(self) -> Gateway:
        chooser = Chooser(
            admission=self._admission,
            experience=self._experience,
            mode=Mode(self.settings.load_balancer_mode),
        )
        return Gateway(
            endpoints=self.external.aliased(lambda: [*self._endpoints(), *self.cloud.endpoints()]),
            admission=self._admission,
            chooser=chooser,
            quotas=self.quotas,
            observer=self._metrics,
            downloads=self.copying.control.downloads,
            on_waited=self.copying.waited,
            continue_streams=lambda: self.state.shared.current.continue_streams,
            arrivals=self.models.arrivals,
        )

    def _runtimes(self) -> RuntimeParts:
        state, settings = self.state, self.settings
        return RuntimeParts(
            ledger=state.ledger,
            node=state.identity.node,
            node_name=settings.node_name,
            rules=lambda: state.shared.current,
            cluster=lambda: self.membership.cluster,
            serving=Serving(
                client=self.upstream,
                admission=self._admission,
                experience=self._experience,
                observer=self._metrics,
                keep_alive_s=settings.keep_alive_s,
            ),
            others=OtherMachines(
                client=state.client,
                known=lambda: [each.node for each in self._peers.peers()],
                claim=self._claims.current,
                accepts=self._claims.accepts,
            ),
            feed=self.feed,
            log_dir=settings.log_dir,
        )

    # --- the other machines, and servers elsewhere

    def _external_endpoints(self) -> ExternalEndpoints:
        state = self.state
        return ExternalEndpoints(
            ledger=state.ledger,
            cluster_key=lambda: state.cluster.key_bytes,
            cluster_id=lambda: state.cluster.id,
            client=self.upstream,
            experience=self._experience,
            is_router=lambda: self.membership.cluster.is_router,
            own_hosts=self._hosts,
            own_port=lambda: self.settings.port,
            observer=self._metrics,
            keep_alive_s=self.settings.keep_alive_s,
        )

    def _cluster_changed(self) -> None:
        self.cluster_events.changed()
        self.external.prober.look_again()

    def _cloud(self) -> CloudProviders:
        return CloudProviders(
            settings=self.settings,
            ledger=self.state.ledger,
            cluster_key=lambda: self.state.cluster.key_bytes,
            client=self.upstream,
            registry=self._metrics.registry,
            is_router=lambda: self.membership.cluster.is_router,
            experience=self._experience,
            observer=self._metrics,
        )

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
            draining=lambda: self.phase is NodeState.DRAINING or self.sharing.paused,
        )
        membership = Membership(
            settings=settings,
            program=program_version(),
            identity=state.identity,
            cluster=state.cluster,
            members=state.members,
            contacts=state.contacts,
            client=state.client,
            ledger=state.ledger,
            preference=lambda chosen: preference_of(chosen or settings.router),
            paused=lambda: self.sharing.paused,
            serving=ServingLink(
                reporter=reporter, endpoints=self._peers, topics={copy_wire.TOPIC: self.history_copying}
            ),
            standpoint=Standpoint(
                used=self._used,
                end_sessions=state.secret.renew,
                start_anew=self.stop.ask_to_start_anew,
                changed=self._cluster_changed,
            ),
        )
        self.sharing.on_change = membership.sharing_changed
        return membership

    def _copying(self) -> model_copy.Copying:
        settings, state = self.settings, self.state
        return model_copy.Copying(
            pool=self.pool,
            folder=settings.models_dir,
            sums_file=self.folder.model_sums,
            client=state.client,
            members=state.members,
            others=self._others(),
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

    def _hosts(self) -> frozenset[str]:
        name = self.settings.node_name
        label = self.membership.neighbourhood.label
        return frozenset(
            each.lower() for each in (*self.settings.allowed_hosts, name, f"{name}.local", f"{label}.local")
        )

    def _others(self) -> Others:
        return Others(peers=self._peers.peers, live=lambda: self.membership.cluster.live)

    def _model_registry(self) -> ModelRegistry:
        state = self.state
        return ModelRegistry(
            settings=self.settings,
            book=state.models,
            pool=self.pool,
            copying=self.copying,
            client=state.client,
            members=state.members,
            others=self._others(),
            devices=self.own_machine.devices,
            claim=self._claims.current,
            accepts=self._claims.accepts,
            listed=lambda model: is_listed(self._endpoints(), model),
            patience_s=lambda: state.shared.current.queue_timeout_secs,
            program=program_version(),
        )

    def _placing(self) -> Placing:
        state = self.state
        return Placing(
            pool=self.pool,
            copying=self.copying,
            members=state.members,
            client=state.client,
            others=self._others(),
            claim=self._claims.current,
            accepts=self._claims.accepts,
            elsewhere={
                "endpoint": self.external.endpoints,
                "runtime": self.runtimes.endpoints,
                "cloud": self.cloud.usable,
            },
        )

    def _pausing(self) -> Pausing:
        state = self.state
        return Pausing(
            node=state.identity.node,
            sharing=self.sharing,
            find=self.copying.control.node,
            members=state.members,
            client=state.client,
            claim=self._claims.current,
            accepts=self._claims.accepts,
        )

    def _used(self) -> bool:
        """Whether this machine has more than what every first start makes."""
        return len(self.state.people.users.all()) > 1 or self.state.keys.count() > 1

    def _place(self) -> Place:
        role = self.membership.control.role
        if role == "joining":
            role = "alone" if self.membership.cluster.alone else "follower"
        return Place(role=role, cluster=self.membership.name(), router_url=self.membership.url())
