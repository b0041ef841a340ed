"""Passwords are hashed and checked with the same work whether there is a user or not."""

from argon2 import PasswordHasher

from corral.app.people.passwords import Passwords, new_password


class CountingHasher(PasswordHasher):
    """Counts what is verified."""

    def __init__(self, time_cost: int = 1) -> None:
        super().__init__(time_cost=time_cost, memory_cost=8, parallelism=1)
        self.verified = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]
        self.verified += 1
        return super().verify(hash, password)


async def test_a_password_matches_itself_only() -> None:
    passwords = Passwords(CountingHasher())
    kept = await passwords.hash("correct horse")
    assert "correct" not in kept and kept.startswith("$argon2id$")
    assert await passwords.matches(kept, "correct horse")
    assert not await passwords.matches(kept, "correct horse ")
    assert not await passwords.matches("garbage", "x")


async def test_an_unknown_user_costs_the_same_work() -> None:
    hasher = CountingHasher()
    passwords = Passwords(hasher)
    kept = await passwords.hash("x")
    assert not await passwords.matches(kept, "y")
    assert hasher.verified == 1
    assert not await passwords.matches(None, "y")
    assert hasher.verified == 2


async def test_more_work_makes_old_hashes_outdated() -> None:
    kept = await Passwords(CountingHasher(1)).hash("x")
    assert not Passwords(CountingHasher(1)).is_outdated(kept)
    assert Passwords(CountingHasher(2)).is_outdated(kept)


def test_generated_passwords_are_long_and_readable() -> None:
    made = {new_password() for _ in range(50)}
    assert len(made) == 50
    assert all(len(each) == 20 and not set(each) & set("0O1lI") for each in made)
