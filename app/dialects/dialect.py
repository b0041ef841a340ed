"""Which client's dialect a request is written in, so that errors are answered in it too. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

ANTHROPIC_VERSION: Final = "anthropic-version"  # a header that Anthropic's clients send with every request


class Dialect(StrEnum):
    """Whose API a client speaks."""

    OPENAI = "openai"  # also that of the management routes
    ANTHROPIC = "anthropic"
    OLLAMA = "ollama"


def dialect_of(path: str, headers: Mapping[str, str]) -> Dialect:
    """Of a request, whether there is a route for it or not. `headers` have lower-case names."""
    if path.startswith("/api/"):
        return Dialect.OLLAMA
    if path.startswith("/v1/messages") or (path.startswith("/v1/") and ANTHROPIC_VERSION in headers):
        return Dialect.ANTHROPIC
    return Dialect.OPENAI
