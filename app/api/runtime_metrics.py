"""What Prometheus can read of the runtimes that registered by HTTP."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class RuntimeMetrics(Collector):
    """A gauge that is read when somebody asks. `counts`: status → how many."""

    def __init__(self, registry: CollectorRegistry, counts: Callable[[], Mapping[str, int]]) -> None:
        self._counts = counts
        registry.register(self)

    def describe(self) -> Iterator[Metric]:
        """The gauge's name: the cluster may not be asked yet."""
        yield _gauge({})

    def collect(self) -> Iterator[Metric]:
        """The gauge now."""
        yield _gauge(self._counts())


def _gauge(counts: Mapping[str, int]) -> Metric:
    gauge = GaugeMetricFamily(
        "corral_runtimes", "Runtimes that registered by HTTP, as this router sees them.", labels=("status",)
    )
    for status, count in counts.items():
        gauge.add_metric((status,), count)
    return gauge
