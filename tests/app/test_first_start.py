"""What a new node gets, and a node that joined a cluster doesn't."""

from pathlib import Path

from corral.app.first_start import FirstCredentials, make_first_credentials
from corral.app.people.passwords import Passwords
from corral.app.settings import default_settings
from corral.app.store.api_keys import ApiKeys
from corral.app.store.users import Users
from tests.app.api.serving import CHEAP
from tests.app.store.files import Files, opened


async def started(files: Files, folder: Path) -> FirstCredentials:
    keys, users = ApiKeys(*files), Users(*files)
    await keys.load()
    await users.load()
    return await make_first_credentials(
        settings=default_settings(folder),
        keys=keys,
        users=users,
        passwords=Passwords(CHEAP),
        joined=files.ledger.joined,
    )


async def test_a_new_node_gets_a_key_and_an_administrator_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as files:
        first = await started(files, tmp_path)
        assert first.key is not None and first.admin == "admin" and first.password is not None
        assert await started(files, tmp_path) == FirstCredentials()


async def test_a_node_that_joined_a_cluster_makes_nothing_up(tmp_path: Path) -> None:
    async with opened(tmp_path) as files:
        await files.ledger.reset()
        assert await started(files, tmp_path) == FirstCredentials()
        assert (await files.ledger.rows("users")).rows == (await files.ledger.rows("api_keys")).rows == ()
