"""What Prometheus can read of servers elsewhere; on the router, which looks after them."""

from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from corral.app.endpoints.control import EndpointNumbers


class EndpointMetrics(Collector):
    """Gauges that are read when somebody asks."""

    def __init__(self, registry: CollectorRegistry, numbers: Callable[[], Sequence[EndpointNumbers]]) -> None:
        self._numbers = numbers
        registry.register(self)

    def describe(self) -> Iterator[Metric]:
        """The names of the gauges."""
        yield from _gauges(())

    def collect(self) -> Iterator[Metric]:
        """The gauges now."""
        yield from _gauges(self._numbers())


def _gauges(numbers: Sequence[EndpointNumbers]) -> Iterator[Metric]:
    labels = ("endpoint",)
    online = GaugeMetricFamily("corral_endpoint_online", "1 if the endpoint is online.", labels=labels)
    models = GaugeMetricFamily("corral_endpoint_models", "Models that the endpoint lists.", labels=labels)
    latency = GaugeMetricFamily(
        "corral_endpoint_latency_seconds",
        "Time of the endpoint's last answer to a health check.",
        labels=labels,
    )
    for each in numbers:
        online.add_metric((each.name,), int(each.online))
        models.add_metric((each.name,), each.models)
        if each.latency_s is not None:
            latency.add_metric((each.name,), each.latency_s)
    yield from (online, models, latency)
