"""What is remembered of every management write: who, what, when, from where."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from corral.app.gateway.endpoint import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One management write, also a refused one. `details` never hold secrets."""

    at: float  # Unix time, seconds
    client: Client
    action: str  # in words, e.g. "Revoke an API key"
    method: str
    path: str
    status: int
    request_id: str
    details: Mapping[str, str] = field(default_factory=dict)


class AuditLog(Protocol):
    """Keeps entries."""

    async def write(self, entry: AuditEntry) -> None:
        """Return when the entry is kept. Never raises: what was done is done."""
