"""Where responses are kept for GET, DELETE and `previous_response_id`."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResponse:
    """A finished response. `document` and `input_items` are JSON; the items are the whole conversation before it."""

    id: str
    created_at: float  # Unix time, seconds
    api_key_id: str | None
    document: bytes
    input_items: bytes


class ResponseStore(Protocol):
    """Keeps responses until `expires_at` (Unix time, seconds)."""

    async def put(self, response: StoredResponse, *, expires_at: float) -> None: ...

    async def get(self, id: str) -> StoredResponse | None: ...

    async def delete(self, id: str) -> bool: ...
