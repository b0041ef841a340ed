"""What this node has seen of endpoints, its own models among them: how fast, how reliable, which prompts."""

from dataclasses import dataclass, field

from corral.app.gateway.breakers import Breakers
from corral.app.gateway.endpoint import EndpointId, PlaceId
from corral.app.gateway.failures import Failures
from corral.app.gateway.paces import Paces
from corral.app.gateway.prefixes import PrefixMemory


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """In memory only; a new router learns the paces and prefixes from what its peers report."""

    paces: Paces = field(default_factory=Paces)
    failures: Failures = field(default_factory=Failures)
    breakers: Breakers = field(default_factory=Breakers)
    prefixes: PrefixMemory = field(default_factory=PrefixMemory)

    def failed(self, place: PlaceId, message: str, *, now: float, model_only: bool = False) -> None:
        """An endpoint could not answer, or broke its answer off. `now` is Unix time, as below.

        `model_only`: it is a matter of this model, others may be well there.
        """
        self.failures.failed(place, message, now=now)
        if model_only:
            self.breakers.end_trial(place[0])
        else:
            self.breakers.failed(place[0], now=now)

    def busy(self, place: PlaceId, *, now: float) -> None:
        """An endpoint has too much to do: it is well, but not the one to ask next."""
        self.failures.busy(place, now=now)
        self.breakers.end_trial(place[0])

    def answered(self, place: PlaceId, *, now: float) -> None:
        """An answer has begun."""
        self.failures.answered(place, now=now)
        self.breakers.answered(place[0], now=now)

    def forget(self, endpoint: EndpointId) -> None:
        """An endpoint is gone for good."""
        self.failures.forget(endpoint)
        self.breakers.forget(endpoint)
