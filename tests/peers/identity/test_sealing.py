"""Sealed secrets: opened with the same key for the same purpose, or not at all."""

import os

import pytest

from corral.peers.identity.errors import BrokenSeal
from corral.peers.identity.sealing import seal, unseal

KEY = os.urandom(32)


@pytest.mark.parametrize("secret", [b"", b"sk-1234", os.urandom(100_000)])
def test_what_was_sealed_is_unsealed(secret: bytes) -> None:
    assert unseal(KEY, seal(KEY, secret, "endpoint key"), "endpoint key") == secret


def test_the_same_secret_never_looks_the_same() -> None:
    assert seal(KEY, b"secret", "p") != seal(KEY, b"secret", "p")


def test_another_key_or_purpose_opens_nothing() -> None:
    sealed = seal(KEY, b"secret", "endpoint key")

    with pytest.raises(BrokenSeal):
        unseal(os.urandom(32), sealed, "endpoint key")
    with pytest.raises(BrokenSeal):
        unseal(KEY, sealed, "session secret")


def test_any_changed_or_missing_byte_breaks_the_seal() -> None:
    sealed = seal(KEY, b"secret", "p")

    for at in range(len(sealed)):
        with pytest.raises(BrokenSeal):
            unseal(KEY, sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], "p")
        with pytest.raises(BrokenSeal):
            unseal(KEY, sealed[:at], "p")


def test_a_key_of_another_length_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        seal(b"short", b"secret", "p")
