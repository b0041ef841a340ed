"""API keys in a real database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from corral.app.gateway.auth import digest_of
from corral.app.gateway.principal import ALL_SCOPES
from corral.app.setting_kinds import API_KEY
from corral.app.store.api_keys import ApiKeys, new_secret
from corral.app.store.database import Database, open_database

NOW = 1_700_000_000.0
KEY = "sk_" + "Ab12" * 8


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await open_database(tmp_path / "corral.db")
    yield database
    await database.close()


async def loaded(database: Database) -> ApiKeys:
    keys = ApiKeys(database)
    await keys.load()
    return keys


def test_new_secrets_look_like_keys_and_differ() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(API_KEY.fullmatch(each) for each in made)


async def test_the_first_key_is_made_once(database: Database) -> None:
    keys = await loaded(database)
    secret = await keys.create_first(bootstrap=None, now=NOW)
    assert secret is not None
    found = keys.find(digest_of(secret))
    assert found is not None and found.scopes == ALL_SCOPES
    assert await keys.create_first(bootstrap=KEY, now=NOW) is None
    assert keys.find(digest_of(KEY)) is None


async def test_the_first_key_has_the_value_that_was_given(database: Database) -> None:
    keys = await loaded(database)
    assert await keys.create_first(bootstrap=KEY, now=NOW) == KEY
    again = await loaded(database)
    assert again.find(digest_of(KEY)) is not None


async def test_only_the_digest_and_eight_characters_are_kept(database: Database) -> None:
    keys = await loaded(database)
    await keys.create(KEY, name="phone", now=NOW, scopes={"api"}, expires_at=NOW + 9)
    [record] = await keys.list()
    assert (record.name, record.key_prefix, record.scopes) == ("phone", KEY[:8], frozenset({"api"}))
    assert (record.created_at, record.expires_at, record.revoked_at) == (NOW, NOW + 9, None)
    dump = [bytes(str(tuple(row)), "utf-8") for row in await database.rows("SELECT * FROM api_keys")]
    assert all(KEY.encode() not in row for row in dump)


async def test_a_revoked_key_is_gone_at_once_and_for_good(database: Database) -> None:
    keys = await loaded(database)
    key = await keys.create(KEY, name="lost", now=NOW)
    assert await keys.revoke(key.id, now=NOW + 1)
    assert keys.find(digest_of(KEY)) is None
    assert not await keys.revoke(key.id, now=NOW + 2)
    assert (await loaded(database)).find(digest_of(KEY)) is None
    assert [each.revoked_at for each in await keys.list()] == [NOW + 1]
    assert await keys.create_first(bootstrap=KEY, now=NOW) is None
