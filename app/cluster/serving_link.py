"""What members tell each other of models and load, and of other topics, over the cluster's links."""

import asyncio
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Protocol

from corral.app.serving.peer_endpoints import PeerEndpoints
from corral.app.serving.reporter import Reporter
from corral.peers.ids import NodeId
from corral.peers.in_step import next_step_s

MODELS = "models"  # the static part of a report
WANT_MODELS = "want-models"
TELL_S = 0.5
_ASK_AGAIN_S = 2.0


class Teller(Protocol):
    """What this needs of `peers.cluster.cluster.Cluster`."""

    def set_load(self, report: bytes) -> None: ...

    def tell(self, peer: NodeId, topic: str, body: bytes) -> None: ...


class Topic(Protocol):
    """Whoever wants to hear of another topic; all of it returns at once."""

    def told(self, peer: NodeId, body: bytes) -> None: ...

    def linked(self, peer: NodeId) -> None: ...

    def keep_only(self, members: Collection[NodeId]) -> None: ...


_NONE: Mapping[str, Topic] = MappingProxyType({})


class ServingLink:
    """Reports go out, and what others report goes to the endpoints; what they tell of other topics to `topics`."""

    def __init__(
        self, *, reporter: Reporter, endpoints: PeerEndpoints, topics: Mapping[str, Topic] = _NONE
    ) -> None:
        self._reporter = reporter
        self._endpoints = endpoints
        self._topics = topics
        self._live: dict[NodeId, bytes] = {}  # what each told last
        self._asked_at: dict[NodeId, float] = {}

    async def run(self, teller: Teller) -> None:
        """Until cancelled."""
        while True:
            teller.set_load(self._reporter.live())
            await asyncio.sleep(next_step_s(TELL_S))

    def hear(self, teller: Teller, peer: NodeId, live: bytes) -> None:
        """A member told its load."""
        self._live[peer] = live
        if self._endpoints.hear(peer, live, None):
            self._want_models(teller, peer)

    def told(self, teller: Teller, peer: NodeId, topic: str, body: bytes) -> None:
        """A member told or asked something longer; what this version doesn't know is skipped."""
        if topic == WANT_MODELS:
            teller.tell(peer, MODELS, self._reporter.static())
        elif topic == MODELS and peer in self._live:
            self._asked_at.pop(peer, None)
            self._endpoints.hear(peer, self._live[peer], body)
        elif topic in self._topics:
            self._topics[topic].told(peer, body)

    def linked(self, peer: NodeId) -> None:
        """A new link: what was asked on the old one is lost."""
        self._asked_at.pop(peer, None)
        for each in self._topics.values():
            each.linked(peer)

    def set_live(self, live: Collection[NodeId]) -> None:
        """Who answers now."""
        self._endpoints.set_live(live)

    def keep_only(self, members: Collection[NodeId]) -> None:
        """Forget those that left the cluster."""
        for each in self._topics.values():
            each.keep_only(members)
        for gone in [peer for peer in self._live if peer not in members]:
            del self._live[gone]
            self._asked_at.pop(gone, None)
            self._endpoints.forget(gone)

    def _want_models(self, teller: Teller, peer: NodeId) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._asked_at.get(peer, float("-inf")) >= _ASK_AGAIN_S:
            self._asked_at[peer] = now
            teller.tell(peer, WANT_MODELS, b"")
