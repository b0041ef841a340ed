"""Secrets that lie in the replicated state, encrypted with the cluster's key (AES-256-GCM)."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from corral.peers.identity.errors import BrokenSeal

KEY_BYTES: Final = 32
_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12


def seal(key32: bytes, plaintext: bytes, purpose: str) -> bytes:
    """Only `unseal` with the same key and purpose opens it; another text at each call."""
    nonce = os.urandom(_NONCE_BYTES)
    return _VERSION + nonce + _cipher(key32).encrypt(nonce, plaintext, _bound_to(purpose))


def unseal(key32: bytes, sealed: bytes, purpose: str) -> bytes:
    """The plaintext. Raises BrokenSeal."""
    version, nonce, ciphertext = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    if version != _VERSION or len(nonce) != _NONCE_BYTES:
        raise BrokenSeal
    try:
        return _cipher(key32).decrypt(nonce, ciphertext, _bound_to(purpose))
    except InvalidTag as error:
        raise BrokenSeal from error


def _cipher(key32: bytes) -> AESGCM:
    if len(key32) != KEY_BYTES:
        raise ValueError(f"a cluster key has {KEY_BYTES} bytes")
    return AESGCM(key32)


def _bound_to(purpose: str) -> bytes:
    return b"corral seal 1 " + purpose.encode()
