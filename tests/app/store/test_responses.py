"""Stored responses in a real database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from corral.app.openai.responses.store import ResponseStore, StoredResponse
from corral.app.store.database import Database, open_database
from corral.app.store.responses import Responses


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await open_database(tmp_path / "corral.db")
    yield database
    await database.close()


def response(id: str) -> StoredResponse:
    return StoredResponse(id=id, created_at=1.0, api_key_id=None, document=b'{"a":1}', input_items=b"[]")


async def test_kept_until_deleted(database: Database) -> None:
    store: ResponseStore = Responses(database, clock=lambda: 5.0)
    await store.put(response("resp_1"), expires_at=10.0)
    assert await store.get("resp_1") == response("resp_1")
    assert await store.get("resp_2") is None
    assert await store.delete("resp_1")
    assert not await store.delete("resp_1")
    assert await store.get("resp_1") is None


async def test_gone_when_expired(database: Database) -> None:
    now = 5.0
    store = Responses(database, clock=lambda: now)
    await store.put(response("resp_1"), expires_at=10.0)
    await store.put(response("resp_2"), expires_at=20.0)
    now = 10.0
    assert await store.get("resp_1") is None
    assert await store.purge() == 1
    assert await store.get("resp_2") == response("resp_2")
