"""The peers as endpoints: who they are, what they said last, whether they are there."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from corral.app.gateway.endpoint import Endpoint, EndpointId
from corral.app.gateway.experience import Experience
from corral.app.gateway.meter import Observer
from corral.app.gateway.pool_endpoint import KEEP_ALIVE_S, PoolEndpoint
from corral.app.gateway.standing import Machine
from corral.app.serving.heard_models import HeardModels
from corral.app.serving.load_report import BadReport
from corral.app.serving.remote_pool import IDLE_TIMEOUT_S, RemotePool
from corral.app.serving.runtime_document import load_document, runtime_document
from corral.peers.ids import NodeId
from corral.peers.transport.client import PeerClient

QUIET_S = 2.0  # after our own last answer there, what it says is active can't be ours
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One that said something."""

    node: NodeId
    endpoint: PoolEndpoint
    pool: RemotePool
    heard: HeardModels


class PeerEndpoints:
    """Bounded by the membership: forget those that leave it."""

    def __init__(
        self,
        *,
        client: PeerClient,
        name_of: Callable[[NodeId], str],
        claim: Callable[[], str],
        experience: Experience,
        observer: Observer | None = None,
        keep_alive_s: float = KEEP_ALIVE_S,
        idle_timeout_s: float = IDLE_TIMEOUT_S,
        heard: Callable[[], None] = lambda: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`name_of` says what people call a machine; `claim` is this node's right to ask, TERM.ROUTER.

        `heard` is called after each report: somebody may have loaded a model and have more slots.
        """
        self._client = client
        self._name_of = name_of
        self._claim = claim
        self._experience = experience
        self._observer = observer
        self._keep_alive_s = keep_alive_s
        self._idle_timeout_s = idle_timeout_s
        self._heard = heard
        self._now = now
        self._peers: dict[NodeId, Peer] = {}
        self._live: frozenset[NodeId] = frozenset()
        self._warned: set[NodeId] = set()

    def endpoints(self) -> Sequence[Endpoint]:
        """Of all peers that said something, also those that are gone: the gateway asks which are online."""
        return [peer.endpoint for peer in self._peers.values()]

    def peers(self) -> Sequence[Peer]:
        """The same with what they said."""
        return tuple(self._peers.values())

    def runtimes(self) -> list[dict[str, Any]]:
        """The same for the dashboard."""
        failures = self._experience.failures
        return [
            runtime_document(
                peer.node,
                peer.endpoint.name,
                peer.heard,
                online=peer.node in self._live,
                failure=failures.last(peer.endpoint.id),
            )
            for peer in self._peers.values()
        ]

    def samples(self, id: str) -> list[dict[str, Any]] | None:
        """The last hour of one's load, oldest first; None if it isn't known."""
        peer = self._peers.get(NodeId(id))
        if peer is None:
            return None
        said = [load_document(at, live, peer.heard.static) for at, live in peer.heard.samples]
        return [each for each in said if each is not None]

    def hear(self, peer: NodeId, live: bytes, static: bytes | None) -> bool:
        """Take a report of a member; whether its static part is wanted. A bad one changes nothing."""
        known = self._peers.get(peer) or self._new(peer)
        try:
            wanted = known.heard.hear(live, static, quiet=known.pool.quiet_s() >= QUIET_S, now=self._now())
        except BadReport as error:
            if peer not in self._warned:
                self._warned.add(peer)
                _LOG.warning("a peer's load report can't be read", peer=peer, error=str(error))
            return False
        self._peers[peer] = known
        self._warned.discard(peer)
        self._heard()
        return wanted

    def set_live(self, peers: Collection[NodeId]) -> None:
        """Who answers heartbeats now. What has not begun at a peer that fell silent is answered by others."""
        gone = self._live - frozenset(peers)
        self._live = frozenset(peers)
        for node in gone & self._peers.keys():
            self._peers[node].pool.lost()

    def forget(self, peer: NodeId) -> None:
        """It is no member any more."""
        self._warned.discard(peer)
        self._live -= {peer}
        known = self._peers.pop(peer, None)
        if known is not None:
            known.pool.lost()
            self._experience.forget(known.endpoint.id)

    def _new(self, node: NodeId) -> Peer:
        heard = HeardModels()
        pool = RemotePool(
            node=node,
            name=lambda: self._name_of(node),
            client=self._client,
            models=heard,
            claim=self._claim,
            idle_timeout_s=self._idle_timeout_s,
        )
        endpoint = PoolEndpoint(
            pool=pool,
            node_name=lambda: self._name_of(node),
            id=peer_id(node),
            machine=lambda: self._machine(node, heard),
            reported=heard.reported,
            file_sum=heard.file_sum,
            observer=self._observer,
            experience=self._experience,
            keep_alive_s=self._keep_alive_s,
            now=self._now,
        )
        return Peer(node=node, endpoint=endpoint, pool=pool, heard=heard)

    def _machine(self, node: NodeId, heard: HeardModels) -> Machine:
        machine = heard.machine()
        return machine if node in self._live or not machine.online else replace(machine, online=False)


def peer_id(node: NodeId) -> EndpointId:
    """The endpoint of a peer."""
    return EndpointId(f"peer:{node}")
