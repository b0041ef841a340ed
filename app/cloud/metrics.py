"""What Prometheus can read of the cloud providers, by itself and among the node's other numbers."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from corral.app.cloud.providers import PROVIDERS

_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class CloudMetrics:
    """A CloudObserver. `registry` is the node's."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._own = CollectorRegistry()
        self._requests = Counter(
            "cloud_requests",
            "Requests to cloud providers; status is HTTP's, timeout or unreachable.",
            ("provider", "status"),
            registry=self._own,
        )
        self._seconds = Histogram(
            "cloud_request_latency_seconds",
            "Time until a cloud provider's status was known, repeated attempts included.",
            ("provider",),
            buckets=_SECONDS,
            registry=self._own,
        )
        for name in PROVIDERS:
            self._seconds.labels(name)
        registry.register(self._requests)
        registry.register(self._seconds)

    def cloud_request(self, provider: str, status: str, seconds: float) -> None:
        """A request got its status."""
        self._requests.labels(provider, status).inc()
        self._seconds.labels(provider).observe(seconds)

    def text(self) -> bytes:
        """These alone, in the text format of Prometheus."""
        return generate_latest(self._own)
