"""THE composition root: which part of a node is made of which. `app/node.py` brings it to life."""

import time
from collections.abc import Sequence

from corral.app.api.app import create_app
from corral.app.api.connection import CorralApp
from corral.app.api.edge import Edge
from corral.app.api.health import health_document
from corral.app.api.origins import host_allowed
from corral.app.api.table import Services, routes_of
from corral.app.dashboard import Dashboard
from corral.app.desktop.window_link import WindowLink
from corral.app.front_door.door import FrontDoor
from corral.app.front_door.relay import Cluster as ClusterView
from corral.app.front_door.relay_route import RelayRoute
from corral.app.gateway.auth import Authenticator
from corral.app.gateway.principal import Principal, PrincipalKind
from corral.app.local_token import KeysWithLocalToken
from corral.app.logs import Logs
from corral.app.openai.responses.service import ResponsesService
from corral.app.own_settings import OwnSettings
from corral.app.parts import Parts
from corral.app.server import Server
from corral.app.serving.infer_route import InferRoute
from corral.app.settings_table import Settings
from corral.app.state import State
from corral.app.stop_signal import StopSignal
from corral.app.store.statistics import Statistics
from corral.app.watch import Watch, WatchedAudit, WatchedRequests
from corral.peers.transport.route import PeerRoute

DRAIN_S = 5.0  # answers in flight get so long when the node stops
_LAST_WORDS_S = 2.0  # then streams get an error event, and so long to send it
_DAY_S = 86_400.0


class Composition(Parts):
    """All parts of one node: those of `Parts`, and the HTTP side around them. Nothing runs yet."""

    def __init__(
        self, *, settings: Settings, state: State, logs: Logs, stop: StopSignal, link: WindowLink
    ) -> None:
        super().__init__(settings=settings, state=state, logs=logs, stop=stop)
        self._link = link
        self._authenticator = self._new_authenticator()
        self._dashboard = self._new_dashboard()
        self.watch = Watch(
            feed=self.feed,
            models=self.pool,
            load=self._admission,
            machines=self._dashboard.live_runtimes,
            state=lambda: health_document(self._node, self.phase, self.recorder.status),
            cluster=self.cluster_events.snapshot,
            endpoints=self.external.control.documents,
            downloads=self.copying.control.documents,
            places=self.placing.places.live,
        )
        app = self._app()
        self.peer_routes: Sequence[PeerRoute] = self._peer_routes(app)
        door = self._front_door(app)
        self.server = Server(
            app=door,
            handler_of=door.plain,
            host=settings.host,
            port=settings.port,
            grace_s=DRAIN_S + _LAST_WORDS_S,
        )

    def _peer_routes(self, app: CorralApp) -> Sequence[PeerRoute]:
        infer = InferRoute(
            pool=self.pool,
            accepts=self._claims.accepts,
            endpoint=self._endpoint.id,
            experience=self._experience,
        )
        relay = RelayRoute(app=app, routing=self._claims.routing, name_of=self.state.members.name)
        return [
            infer.route(),
            relay.route(),
            *self.copying.routes(),
            *self.history_copying.routes(),
            *self.runtimes.routes(),
            *self.models.routes(),
            *self.placing.routes(),
            *self.pausing.routes(),
        ]

    def _new_authenticator(self) -> Authenticator:
        state = self.state
        return Authenticator(
            keys=KeysWithLocalToken(keys=state.keys, token=self.token),
            sessions=state.people.sessions,
            trust_loopback=self.settings.trust_loopback,
            on_key_used=state.keys.used,
            runtime_of=self.runtimes.owner_of,
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
            pausing=self.pausing,
            show_window=self._link.show,
            api_keys=state.keys,
            people=state.people,
            audit=self.audit,
            history=self.history,
            dashboard=self._dashboard,
            feed=self.feed,
            watch=self.watch,
            still_valid=self._still_valid,
            keep_alive_s=settings.keep_alive_s,
            recording=lambda: self.recorder.status,
            logs=self.logs,
            tasks=self.supervisor.statuses,
            cluster=self.membership.control,
            cluster_settings=state.shared,
            settings=OwnSettings(own=settings, current=lambda: state.shared.current, since=time.time()),
            on_restart=self.stop.ask_to_start_anew,
            pairing=self.membership.desk,
            pairing_info=self.membership.info,
            copies=self.copying.control,
            endpoints=self.external.control,
            aliases=self.external.aliases,
            cloud=self.cloud,
            runtimes=self.runtimes,
            registry=self.models.registry,
            model_files=self.models.files,
            placing=self.placing,
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

    def _new_dashboard(self) -> Dashboard:
        return Dashboard(
            node=self._node,
            state=lambda: self.phase,
            models=self.pool,
            endpoints=lambda: [*self._endpoints(), *self.cloud.usable()],
            load=self._admission,
            statistics=Statistics(self.state.database),
            telemetry=self.telemetry,
            recording=lambda: self.recorder.status,
            cloud_keys=self.cloud.keys.present,
            peers=self._peers.runtimes,
            peer_samples=self._peers.samples,
            servers=self.external.control.documents,
            registered=self.runtimes.runtimes,
            hardware=self.own_machine,
            node_id=self.state.identity.node,
        )
