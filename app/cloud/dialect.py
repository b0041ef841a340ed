"""How to speak with one provider: what differs between them, seen from the outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from corral.app.cloud.call import CloudCall, Json
from corral.app.cloud.providers import Provider
from corral.app.gateway.endpoint import ServedModel
from corral.engines.model import Capability


@dataclass(frozen=True, slots=True)
class ModelPage:
    """Some of a provider's models; `next_path` is where there are more."""

    models: Sequence[ServedModel]
    next_path: str | None


class Lister(Protocol):
    """Reads a provider's list of models. Pure."""

    @property
    def provider(self) -> Provider: ...

    @property
    def models_path(self) -> str:
        """Behind the base URL."""

    def headers(self, api_key: str) -> Mapping[str, str]:
        """With which every request goes out."""

    def page(self, json: Json) -> ModelPage:
        """What stands at `models_path` and behind it. Raises KeyError, TypeError and ValueError for anything else."""


class Dialect(Lister, Protocol):
    """Translates requests too. Pure."""

    @property
    def paths(self) -> frozenset[str]:
        """Routes of ours for which there is a translation."""

    def call(self, path: str, json: Json, name: str, *, now: int) -> CloudCall:
        """What to ask the model `name`. Raises InvalidRequest."""


def served(
    provider: Provider,
    name: str,
    capabilities: frozenset[Capability],
    *,
    created: int = 0,
    context_length: int = 0,
) -> ServedModel:
    """A model of a provider as `/v1/models` shows it."""
    return ServedModel(
        id=provider.prefix + name,
        created=created,
        capabilities=frozenset(capabilities),
        ready=True,
        lifecycle_status="registered",
        context_length=context_length,
        size_bytes=0,
        quantization="",
    )
