"""The cloud providers: how their models are named here, where they are, which settings they have. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

ProviderName = Literal["openai", "google", "anthropic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One of them. Names of its models begin with `name:` or one of `aliases`."""

    name: ProviderName
    title: str  # as people write it
    base_url: str  # unless a setting says otherwise
    aliases: tuple[str, ...] = ()

    @property
    def key_setting(self) -> str:
        """The setting with its key."""
        return f"{self.name}_api_key"

    @property
    def prefix(self) -> str:
        """What ids of its models begin with."""
        return f"{self.name}:"


OPENAI: Final = Provider(name="openai", title="OpenAI", base_url="https://api.openai.com")
GOOGLE: Final = Provider(
    name="google", title="Google", base_url="https://generativelanguage.googleapis.com/v1beta"
)
ANTHROPIC: Final = Provider(
    name="anthropic", title="Anthropic", base_url="https://api.anthropic.com", aliases=("ahtnorpic",)
)
PROVIDERS: Final[Mapping[str, Provider]] = MappingProxyType(
    {each.name: each for each in (OPENAI, GOOGLE, ANTHROPIC)}
)
_BY_PREFIX = {prefix: each for each in PROVIDERS.values() for prefix in (each.name, *each.aliases)}


@dataclass(frozen=True, slots=True)
class CloudModel:
    """A model of a provider, as the provider calls it."""

    provider: Provider
    name: str

    @property
    def id(self) -> str:
        """As it is called here."""
        return self.provider.prefix + self.name


def cloud_model(model: str) -> CloudModel | None:
    """The model that a client's name stands for; None if it isn't a cloud provider's."""
    prefix, colon, name = model.strip().partition(":")
    provider = _BY_PREFIX.get(prefix.strip().lower())
    return CloudModel(provider, name.strip()) if colon and provider is not None else None
