"""What Prometheus can read of the cluster, as this node sees it."""

import time
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from corral.app.cluster.numbers import ClusterNumbers

_TAKEOVER_S = (0.1, 0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 10, 30, 60)


class ClusterMetrics(Collector):
    """Gauges are read when somebody asks; call `look` whenever the router may have changed. `clock` gives seconds."""

    def __init__(
        self,
        registry: CollectorRegistry,
        numbers: Callable[[], ClusterNumbers],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._numbers = numbers
        self._clock = clock
        self._router: str | None = None  # the last one
        self._lost_at: float | None = None
        self._changes = Counter(
            "corral_cluster_router_changes", "Times that another node became the router.", registry=registry
        )
        self._takeover = Histogram(
            "corral_cluster_takeover_seconds",
            "Time without a router, as this node saw it.",
            buckets=_TAKEOVER_S,
            registry=registry,
        )
        registry.register(self)

    def look(self) -> None:
        """Note a change of the router. The first one of a node's life is none."""
        router, now = self._numbers().router, self._clock()
        if router is None:
            if self._router is not None and self._lost_at is None:
                self._lost_at = now
            return
        if self._lost_at is not None:
            self._takeover.observe(now - self._lost_at)
        if self._router not in (None, router):
            self._changes.inc()
        self._router, self._lost_at = router, None

    def describe(self) -> Iterator[Metric]:
        """The names of the gauges, without asking the cluster: it isn't open yet when this is called."""
        yield from _gauges(ClusterNumbers(members=1, online=1, router=None, is_router=False, term=0))

    def collect(self) -> Iterator[Metric]:
        """The gauges now."""
        yield from _gauges(self._numbers())


def _gauges(numbers: ClusterNumbers) -> Iterator[Metric]:
    rows = (
        ("corral_cluster_members", "Machines that belong to the cluster.", numbers.members),
        ("corral_cluster_members_online", "Those of them that answer, with this one.", numbers.online),
        ("corral_cluster_is_router", "1 on the router, 0 on others.", int(numbers.is_router)),
        (
            "corral_cluster_term",
            "The term of the router that this node follows; 0 without one.",
            numbers.term,
        ),
        (
            "corral_cluster_members_differing",
            "Members that answer and hold other replicated state than this node: behind, or ahead.",
            numbers.differing,
        ),
    )
    for name, text, value in rows:
        yield GaugeMetricFamily(name, text, value=value)
    skew = GaugeMetricFamily(
        "corral_cluster_clock_skew_seconds",
        "How far the clock of a member that answers is ahead of this node's.",
        labels=("member",),
    )
    for member, seconds in numbers.skews_s.items():
        skew.add_metric((member,), seconds)
    yield skew
