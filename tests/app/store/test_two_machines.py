"""Keys, users and sessions on several machines: what is written on one counts on the others, also after a split."""

import asyncio
import itertools
from pathlib import Path

import pytest

from corral.app.gateway.auth import digest_of
from corral.app.gateway.principal import Quota, Role
from corral.app.store.api_keys import KeyChanges
from corral.app.store.errors import DiskFull
from corral.app.store.users import DuplicateUser, LastAdmin, User, Users
from tests.app.store.files import opened
from tests.app.store.machines import NOW, Machine, machines
from tests.small_disk import SmallDisk

KEY = "sk_" + "Ab12" * 8


async def add_user(machine: Machine, name: str, role: Role = Role.ADMIN) -> User:
    return await machine.users.create(username=name, password_hash=f"{name}'s", role=role, now=NOW)


async def test_a_key_works_everywhere_and_its_revocation_too(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b") as both:
        here, there = both["a"].keys, both["b"].keys
        made = await here.create(KEY, name="phone", now=NOW, scopes={"api"}, quota=Quota(requests_per_day=3))
        found = there.find(digest_of(KEY))
        assert found is not None and (found.name, found.quota.requests_per_day) == ("phone", 3)
        await there.update(made.id, KeyChanges(fields={"name"}, name="tablet"))
        seen = here.find(digest_of(KEY))
        assert seen is not None and (seen.name, seen.quota.requests_per_day) == ("tablet", 3)
        assert await here.revoke(made.id, now=NOW + 1)
        assert there.find(digest_of(KEY)) is None and not there.is_valid(made.id, now=NOW)
        assert not await there.revoke(made.id, now=NOW + 2)
        assert await there.update(made.id, KeyChanges(fields={"name"}, name="x")) is None
        assert [each.revoked_at for each in await there.list()] == [NOW + 1]


async def test_a_revocation_reaches_a_machine_that_did_not_get_it_handed_over(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b") as both:
        made = await both["a"].keys.create(KEY, name="lost", now=NOW)
        both.cluster.cut("a")
        await both["a"].keys.revoke(made.id, now=NOW + 1)
        assert both["b"].keys.find(digest_of(KEY)) is not None  # it can't know
        await both["b"].keys.update(made.id, KeyChanges(fields={"name"}, name="renamed later"))
        both.cluster.heal()
        both.cluster.beat()
        await both.cluster.until_equal()
        for machine in both.values():
            assert machine.keys.find(digest_of(KEY)) is None
            assert [each.name for each in await machine.keys.list()] == ["renamed later"]


async def test_when_a_key_was_used_is_each_machine_s_own(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b") as both:
        made = await both["a"].keys.create(KEY, name="phone", now=NOW)
        before = both["a"].ledger.summary().digest
        both["b"].keys.used(made.id, NOW + 5)
        await both["b"].keys.write_use()
        uses = [[each.last_used_at for each in await machine.keys.list()] for machine in both.values()]
        assert uses == [[None], [NOW + 5]]
        assert both["b"].ledger.summary().digest == before


async def test_a_user_signs_in_anywhere_and_is_signed_in_everywhere(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b", "c") as three:
        user = await add_user(three["a"], "Ada")
        await three.cluster.until_equal()
        token, session = three["b"].sessions.begin(user)
        assert [machine.sessions.find(token) for machine in three.values()] == [session] * 3
        await three["c"].revoked.add(session)
        await three.cluster.until_equal()
        assert [machine.sessions.find(token) for machine in three.values()] == [None] * 3


@pytest.mark.parametrize(("ahead", "behind"), [("a", "b"), ("b", "a")])
async def test_another_password_ends_sessions_whatever_the_clocks_show(
    tmp_path: Path, ahead: str, behind: str
) -> None:
    async with machines(tmp_path, "a", "b") as both:
        both[ahead].skew_s, both[behind].skew_s = 40.0, -40.0
        user = await add_user(both["a"], "Ada")
        old = [machine.sessions.begin(user)[0] for machine in both.values()]
        changed = await both["a"].users.change(user.id, password_hash="new")
        assert changed is not None
        new = [machine.sessions.begin(changed)[0] for machine in both.values()]
        for machine in both.values():
            assert [machine.sessions.find(token) for token in old] == [None, None]
            assert None not in [machine.sessions.find(token) for token in new]
        await both["b"].users.change(user.id, role=Role.ADMIN)  # the same one as before
        assert None not in [both["a"].sessions.find(token) for token in new]


async def test_two_passwords_in_the_same_moment_end_sessions_twice(tmp_path: Path) -> None:
    async with machines(tmp_path, "a") as alone:
        users, sessions = alone["a"].users, alone["a"].sessions
        user = await add_user(alone["a"], "Ada")
        for number in range(5):
            token, _ = sessions.begin(user)
            changed = await users.change(user.id, password_hash=f"new {number}")
            assert changed is not None and sessions.find(token) is None
            user = changed


async def test_a_rename_on_one_side_and_a_password_on_the_other_both_count(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b") as both:
        user = await add_user(both["a"], "Ada")
        token, _ = both["a"].sessions.begin(user)
        both.cluster.cut("a")
        await both["a"].users.change(user.id, password_hash="new")
        await both["b"].users.change(user.id, username="Countess")
        both.cluster.heal()
        await both.cluster.until_equal()
        for machine in both.values():
            [found] = machine.users.all()
            assert (found.username, found.password_hash) == ("Countess", "new")
            assert machine.sessions.find(token) is None


async def test_an_old_password_hashed_anew_never_comes_back(tmp_path: Path) -> None:
    """On one side the password is changed, because it leaked; on the other somebody signs in with the old one, later."""
    async with machines(tmp_path, "a", "b") as both:
        user = await add_user(both["a"], "Ada")
        both.cluster.cut("a")
        await both["a"].users.change(user.id, password_hash="new")
        await both["b"].users.rehash(user, "the old one, hashed anew")
        assert [found.password_hash for found in both["b"].users.all()] == ["the old one, hashed anew"]
        both.cluster.heal()
        await both.cluster.until_equal()
        for machine in both.values():
            [found] = machine.users.all()
            assert found.password_hash == "new"
            await machine.users.rehash(user, "hashed from what was read before")
        await both["b"].users.rehash(found, "new, hashed anew")
        assert [each.password_hash for each in both["a"].users.all()] == ["new, hashed anew"]


async def test_the_same_name_on_both_sides_of_a_split(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b") as both:
        both.cluster.cut("a")
        first, second = await add_user(both["a"], "Maria"), await add_user(both["b"], "maria")
        both.cluster.heal()
        await both.cluster.until_equal()
        for machine in both.values():
            names = {user.id: user.username for user in machine.users.all()}
            assert names == {first.id: "Maria", second.id: "maria-2"}
        for name in ("MARIA", "maria-2"):
            with pytest.raises(DuplicateUser):
                await add_user(both["b"], name)


async def test_the_last_administrator_stays_and_removed_users_are_gone_everywhere(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b") as both:
        ada, bob = await add_user(both["a"], "Ada"), await add_user(both["b"], "Bob")
        token, _ = both["a"].sessions.begin(bob)
        assert await both["a"].users.remove(bob.id)
        assert both["b"].users.all() == both["a"].users.all() == [ada]
        assert both["b"].sessions.find(token) is None
        assert not await both["b"].users.remove(bob.id)
        assert await both["b"].users.change(bob.id, username="Robert") is None
        with pytest.raises(LastAdmin):
            await both["b"].users.remove(ada.id)
        with pytest.raises(LastAdmin):
            await both["b"].users.change(ada.id, role=Role.VIEWER)


async def test_an_invitation_is_used_once_on_whatever_machine(tmp_path: Path) -> None:
    async with machines(tmp_path, "a", "b") as both:
        code, made = await both["a"].invitations.create(created_by="Ada", now=NOW)
        taken = await asyncio.gather(*(both["b"].invitations.take(code, now=NOW) for _ in range(5)))
        assert (taken.count(made.id), taken.count(None)) == (1, 4)
        assert await both["a"].invitations.take(code, now=NOW) is None
        await both["b"].invitations.give_back(made.id)
        again = await both["a"].invitations.take(code, now=NOW)
        assert again is not None
        await both["a"].invitations.used_by(again, "u1")
        await both["a"].invitations.give_back(again)  # too late: it made somebody
        assert await both["b"].invitations.take(code, now=NOW) is None
        [listed] = await both["b"].invitations.list()
        assert (listed.code_prefix, listed.created_by, listed.used_by) == (made.code_prefix, "Ada", "u1")
        assert await both["b"].invitations.remove(again) and not await both["a"].invitations.remove(again)


async def test_invitations_that_are_over_for_a_month_are_not_listed(tmp_path: Path) -> None:
    async with machines(tmp_path, "a") as alone:
        await alone["a"].invitations.create(created_by=None, now=NOW)
        alone["a"].skew_s = 32 * 86_400.0
        assert len(await alone["a"].invitations.list()) == 1
        alone["a"].skew_s = 34 * 86_400.0
        assert await alone["a"].invitations.list() == []


async def test_on_a_full_disk_nothing_changes_but_what_must(small_disk: SmallDisk) -> None:
    async with machines(small_disk.folder, "a") as alone:
        machine = alone["a"]
        key = await machine.keys.create(KEY, name="phone", now=NOW)
        user = await add_user(machine, "Ada")
        small_disk.fill()
        with pytest.raises(DiskFull):
            for number in itertools.count():  # the first ones may find room in a page
                await machine.keys.create(f"{KEY}{number}", name="x" * 10_000, now=NOW)
        with pytest.raises(DiskFull):
            for _ in itertools.count():
                await machine.users.change(user.id, username="y" * 10_000)
        assert machine.keys.find(digest_of(KEY)) is not None
        with pytest.raises(DiskFull):
            for _ in itertools.count():
                token, session = machine.sessions.begin(user)
                await machine.revoked.add(session)
        assert machine.sessions.find(token) is None  # who signs out is out, here at least
        small_disk.make_room()
        assert await machine.keys.revoke(key.id, now=NOW)


async def test_a_last_login_is_kept_on_its_machine(tmp_path: Path) -> None:
    async with opened(tmp_path) as files:
        users = Users(*files)
        await users.load()
        user = await users.create(username="Ada", password_hash="x", role=Role.ADMIN, now=NOW)
        digest = files.ledger.summary().digest
        await users.signed_in(user.id, now=NOW + 1)
        await users.signed_in(user.id, now=NOW + 2)
        await users.signed_in("nobody", now=NOW + 2)
        again = Users(*files)
        await again.load()
        assert [each.last_login_at for each in (*users.all(), *again.all())] == [NOW + 2] * 2
        assert files.ledger.summary().digest == digest
