"""Models that no endpoint has yet, but that may come when somebody asks for them."""

from collections.abc import Sequence
from typing import Protocol

from corral.app.gateway.endpoint import Endpoint, ServedModel


class Arrivals(Protocol):
    """`registry.arrivals.Arrivals` is the real one."""

    def models(self) -> Sequence[ServedModel]:
        """As they are listed while nobody has them."""

    async def wait(self, model: str) -> None:
        """Returns when somebody has the model, or when it isn't one of these; else raises what the client is told."""


class NoArrivals:
    """What no endpoint has, nobody has."""

    def models(self) -> Sequence[ServedModel]:
        """None."""
        return ()

    async def wait(self, model: str) -> None:
        """Returns at once."""


def listing(endpoints: Sequence[Endpoint], model: str) -> list[Endpoint]:
    """Those who are there and list the model."""
    return [each for each in endpoints if each.listed_name(model) is not None and each.machine().online]


def is_listed(endpoints: Sequence[Endpoint], model: str) -> bool:
    """Whether anybody who is there lists the model."""
    return bool(listing(endpoints, model))
