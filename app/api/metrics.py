"""What Prometheus can read of this node."""

from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from corral.engines.events import Done

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_FIRST_TOKEN_S = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_QUEUED_S = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_ANSWER_S = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300)


class Metrics:
    """Counters of the HTTP side and of the answers of this node's models. `registry` is the node's own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._routes: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._models: dict[str, _OfModel] = {}
        self._requests = Counter(
            "corral_http_requests",
            "HTTP requests answered.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "corral_http_response_start_seconds",
            "Time until an answer's status was known.",
            ("route",),
            buckets=_ANSWER_S,
            registry=registry,
        )
        self.active = Gauge("corral_http_requests_active", "HTTP requests in flight.", registry=registry)
        self._tokens = Counter(
            "corral_tokens",
            "Tokens read (prompt), reused (cached) and generated.",
            ("model", "kind"),
            registry=registry,
        )
        self._first_token = Histogram(
            "corral_first_token_seconds",
            "Time from a request to the first token of its answer.",
            ("model",),
            buckets=_FIRST_TOKEN_S,
            registry=registry,
        )

        self._queue_waiting = Gauge(
            "corral_queue_waiting", "Requests that wait for a free slot.", registry=registry
        )
        self._queue_wait = Histogram(
            "corral_queue_wait_seconds",
            "Time that requests waited for a free slot; without those that found one free.",
            buckets=_QUEUED_S,
            registry=registry,
        )
        self._refused = Counter(
            "corral_requests_refused",
            "Requests refused before they were answered: queue_full, queue_timeout, quota_exceeded.",
            ("reason",),
            registry=registry,
        )

    def waiting(self, count: int) -> None:
        """So many requests wait now."""
        self._queue_waiting.set(count)

    def waited(self, seconds: float) -> None:
        """A request got a slot after waiting."""
        self._queue_wait.observe(seconds)

    def refused(self, code: str) -> None:
        """A request was refused."""
        self._refused.labels(code).inc()

    def request(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """An HTTP request got its status."""
        count, start = self._of_route(method, route, status)
        count.inc()
        start.observe(seconds)

    def first_token(self, model: str, seconds: float) -> None:
        """A model's answer began."""
        self._of_model(model).first_token.observe(seconds)

    def answered(self, model: str, done: Done) -> None:
        """A model's answer is complete."""
        found = self._of_model(model)
        found.prompt.inc(done.prompt_tokens)
        found.cached.inc(done.cached_tokens)
        found.generated.inc(done.completion_tokens)

    def text(self) -> bytes:
        """The text format of Prometheus."""
        return generate_latest(self.registry)

    def _of_route(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        """Kept, as looking them up by their labels takes longer than counting."""
        key = method, route, status
        found = self._routes.get(key)
        if found is None:
            found = self._requests.labels(method, route, str(status)), self._seconds.labels(route)
            self._routes[key] = found
        return found

    def _of_model(self, model: str) -> "_OfModel":
        found = self._models.get(model)
        if found is None:
            label = self._tokens.labels
            found = self._models[model] = _OfModel(
                label(model, "prompt"),
                label(model, "cached"),
                label(model, "generated"),
                self._first_token.labels(model),
            )
        return found


class _OfModel(NamedTuple):
    """What is counted of one."""

    prompt: Counter
    cached: Counter
    generated: Counter
    first_token: Histogram
