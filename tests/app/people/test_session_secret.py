"""One secret signs the sessions of the whole cluster; it is nowhere to be read without the cluster's key."""

import asyncio
from pathlib import Path

from corral.app.people.session_secret import SessionSecret
from corral.peers.ids import NodeId
from corral.peers.replication.edit import Edit
from corral.peers.replication.ledger import Ledger
from tests.app.store.files import NODE, dump, opened
from tests.app.store.machines import machines

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
OLD = "an old secret of at least forty-eight characters!"


async def loaded(
    ledger: Ledger, folder: Path, *, key: bytes = KEY, given: str | None = None
) -> SessionSecret:
    secret = SessionSecret(ledger, cluster_key=lambda: key, given=given, old_file=folder / "session.secret")
    await secret.load()
    return secret


async def test_a_new_secret_is_made_once_and_kept_sealed(tmp_path: Path) -> None:
    async with opened(tmp_path) as files:
        secret = (await loaded(files.ledger, tmp_path))()
        assert len(secret) >= 48
    async with opened(tmp_path) as files:
        assert (await loaded(files.ledger, tmp_path))() == secret
    assert secret not in await asyncio.to_thread(dump, tmp_path)


async def test_the_file_of_earlier_versions_is_taken_over_and_removed(tmp_path: Path) -> None:
    file = tmp_path / "session.secret"
    file.write_text(f"{OLD}\n")
    async with opened(tmp_path) as files:
        assert (await loaded(files.ledger, tmp_path))() == OLD
        assert not file.exists()
        file.write_text("x" * 60)  # one that was put back too late
        assert (await loaded(files.ledger, tmp_path))() == OLD
        assert not file.exists()


async def test_a_torn_file_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "session.secret").write_bytes(b"torn\xff")
    async with opened(tmp_path) as files:
        assert len((await loaded(files.ledger, tmp_path))()) >= 48


async def test_a_given_secret_wins_and_leaves_the_rest_alone(tmp_path: Path) -> None:
    file = tmp_path / "session.secret"
    file.write_text(OLD)
    async with opened(tmp_path) as files:
        given = await loaded(files.ledger, tmp_path, given="g" * 32)
        assert given() == "g" * 32 and file.exists()
        assert (await loaded(files.ledger, tmp_path))() == OLD
        assert given() == "g" * 32


async def test_a_machine_that_joins_follows_at_once(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b") as both:
        assert both["a"].secret() == both["b"].secret()
        own = both["b"].secret()
        await both["b"].ledger.reset()
        assert both["b"].secret() != own  # none for now
        await both.cluster.until_equal()
        assert both["b"].secret() == own


async def test_a_machine_that_joined_makes_none_while_it_may_still_come(tmp_path: Path) -> None:
    async with opened(tmp_path) as files:
        await files.ledger.reset()
        secrets = {(await loaded(files.ledger, tmp_path))() for _ in range(2)}
        assert len(secrets) == 2
        assert (await files.ledger.rows("secrets")).rows == ()


async def test_another_key_of_the_cluster_opens_it_later(tmp_path: Path) -> None:
    keys = [OTHER_KEY]
    async with opened(tmp_path) as files:
        right = await loaded(files.ledger, tmp_path)
        member = {"name": "b", "certificate": "x", "approved_at": 1.0}
        await files.ledger.write([Edit("members", NodeId("B"), member)])
        secret = SessionSecret(
            files.ledger, cluster_key=lambda: keys[-1], given=None, old_file=tmp_path / "session.secret"
        )
        await secret.load()
        assert secret() != right()  # and nothing was written over what the other member can open
        keys.append(KEY)
        secret.refresh()
        assert secret() == right()


async def test_a_lone_machine_that_lost_its_key_makes_a_new_secret(tmp_path: Path) -> None:
    async with opened(tmp_path) as files:
        await loaded(files.ledger, tmp_path)
        own = {"name": "a", "certificate": "x", "approved_at": 1.0}
        await files.ledger.write([Edit("members", NODE, own)])
        new = await loaded(files.ledger, tmp_path, key=OTHER_KEY)
        assert (await loaded(files.ledger, tmp_path, key=OTHER_KEY))() == new()
