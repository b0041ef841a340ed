"""What a node keeps in its database, in memory instead."""

from corral.app.gateway.recording import RequestRecord
from corral.app.openai.responses.store import StoredResponse


class MemoryLog:
    """A RequestLog in memory."""

    def __init__(self) -> None:
        self.records: list[RequestRecord] = []

    def put(self, record: RequestRecord) -> None:
        self.records.append(record)


class MemoryStore:
    """Responses in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, StoredResponse] = {}

    async def put(self, response: StoredResponse, *, expires_at: float) -> None:
        self.kept[response.id] = response

    async def get(self, id: str) -> StoredResponse | None:
        return self.kept.get(id)

    async def delete(self, id: str) -> bool:
        return self.kept.pop(id, None) is not None
