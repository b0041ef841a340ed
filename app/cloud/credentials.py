"""What is needed to ask a provider."""

from dataclasses import dataclass, field

from corral.app.cloud.providers import Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """`base_url` has no slash at its end. `from_cluster`: set for all machines, not by this one's settings."""

    provider: Provider
    api_key: str | None = field(default=None, repr=False)
    base_url: str
    from_cluster: bool = False


def plain_base_url(url: str, provider: Provider) -> str:
    """As Credentials have it. OpenAI's own programs write its base URL with `/v1`, which our paths have already."""
    plain = url.strip().rstrip("/")
    return plain.removesuffix("/v1") if provider.name != "google" else plain
