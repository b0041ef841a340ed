"""API keys in a real database."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from corral.app.gateway.auth import ApiKeyId, digest_of
from corral.app.gateway.principal import ALL_SCOPES, Quota
from corral.app.setting_kinds import API_KEY
from corral.app.store.api_keys import ApiKeys, KeyChanges, new_secret
from tests.app.store.files import Files, dump, opened

NOW = 1_700_000_000.0
KEY = "sk_" + "Ab12" * 8


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[Files]:
    async with opened(tmp_path) as files:
        yield files


async def loaded(files: Files) -> ApiKeys:
    keys = ApiKeys(*files)
    await keys.load()
    return keys


def test_new_secrets_look_like_keys_and_differ() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(API_KEY.fullmatch(each) for each in made)


async def test_the_first_key_is_made_once(files: Files) -> None:
    keys = await loaded(files)
    secret = await keys.create_first(bootstrap=None, now=NOW)
    assert secret is not None
    found = keys.find(digest_of(secret))
    assert found is not None and found.scopes == ALL_SCOPES
    assert await keys.create_first(bootstrap=KEY, now=NOW) is None
    assert keys.find(digest_of(KEY)) is None


async def test_the_first_key_has_the_value_that_was_given(files: Files) -> None:
    keys = await loaded(files)
    assert await keys.create_first(bootstrap=KEY, now=NOW) == KEY
    again = await loaded(files)
    assert again.find(digest_of(KEY)) is not None


async def test_only_the_digest_and_eight_characters_are_kept(files: Files, tmp_path: Path) -> None:
    keys = await loaded(files)
    await keys.create(KEY, name="phone", now=NOW, scopes={"api"}, expires_at=NOW + 9)
    [record] = await keys.list()
    assert (record.name, record.key_prefix, record.scopes) == ("phone", KEY[:8], frozenset({"api"}))
    assert (record.created_at, record.expires_at, record.revoked_at) == (NOW, NOW + 9, None)
    kept = await asyncio.to_thread(dump, tmp_path)
    assert KEY[:8] in kept and KEY[:9] not in kept


async def test_changes_are_kept(files: Files) -> None:
    keys = await loaded(files)
    quota = Quota(requests_per_minute=3, tokens_per_day=9)
    made = await keys.create(KEY, name="phone", now=NOW, scopes={"api"}, expires_at=NOW + 9, quota=quota)
    assert made.quota == quota
    changes = KeyChanges(
        fields={"name", "expires_at", "tokens_per_day"}, name="tablet", quota=Quota(requests_per_day=5)
    )
    changed = await keys.update(made.id, changes)
    assert changed == replace(made, name="tablet", expires_at=None, quota=Quota(requests_per_minute=3))
    for book in (keys, await loaded(files)):
        found = book.find(digest_of(KEY))
        assert found is not None
        assert (found.name, found.scopes, found.quota) == (
            "tablet",
            frozenset({"api"}),
            Quota(requests_per_minute=3),
        )


async def test_a_key_that_is_gone_is_not_changed(files: Files) -> None:
    keys = await loaded(files)
    made = await keys.create(KEY, name="lost", now=NOW)
    await keys.revoke(made.id, now=NOW)
    assert await keys.update(made.id, KeyChanges(fields={"name"}, name="found")) is None
    assert await keys.update(ApiKeyId("x"), KeyChanges(fields=set())) is None
    assert keys.find(digest_of(KEY)) is None


async def test_the_last_use_is_shown_at_once_and_written_later(files: Files) -> None:
    keys = await loaded(files)
    made = await keys.create(KEY, name="phone", now=NOW)
    other = await keys.create(new_secret(), name="other", now=NOW + 1)
    keys.used(made.id, NOW + 5)
    assert [each.last_used_at for each in await keys.list()] == [NOW + 5, None]
    again = await loaded(files)
    assert [each.last_used_at for each in await again.list()] == [None, None]
    await keys.write_use()
    await keys.write_use()
    keys.used(other.id, NOW + 6)
    assert [each.last_used_at for each in await again.list()] == [NOW + 5, None]


async def test_a_use_that_could_not_be_written_is_written_later(files: Files) -> None:
    keys = await loaded(files)
    made = await keys.create(KEY, name="phone", now=NOW)
    keys.used(made.id, NOW + 5)
    await files.database.execute("ALTER TABLE api_key_uses RENAME TO away")
    with pytest.raises(sqlite3.OperationalError):
        await keys.write_use()
    await files.database.execute("ALTER TABLE away RENAME TO api_key_uses")
    await keys.write_use()
    assert [each.last_used_at for each in await (await loaded(files)).list()] == [NOW + 5]


async def test_a_revoked_key_is_gone_at_once_and_for_good(files: Files) -> None:
    keys = await loaded(files)
    key = await keys.create(KEY, name="lost", now=NOW)
    assert await keys.revoke(key.id, now=NOW + 1)
    assert keys.find(digest_of(KEY)) is None
    assert not await keys.revoke(key.id, now=NOW + 2)
    assert (await loaded(files)).find(digest_of(KEY)) is None
    assert [each.revoked_at for each in await keys.list()] == [NOW + 1]
    assert await keys.create_first(bootstrap=KEY, now=NOW) is None
