"""This machine's own key and certificate, in one file that is made at the first start and never again.

The file is PEM: the private key (PKCS#8) and the certificate behind it. Where the operating system protects secrets, the
key is encrypted with a random password that only it can unwrap; the wrapped password lies beside it.
"""

import os
import secrets
import ssl
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from corral.peers.identity import key_protection
from corral.peers.identity.certificate import Certificate, self_signed
from corral.peers.identity.errors import BadCertificate, IdentityError
from corral.peers.identity.key_protection import KeyProtection
from corral.peers.ids import NodeId
from corral.peers.private_file import write_private

FILE_NAME: Final = "identity.pem"
PASSWORD_NAME: Final = "identity.password"
_CERTIFICATE_BEGINS: Final = b"-----BEGIN CERTIFICATE-----"
_MOST_BYTES: Final = 64 * 1024
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Own key and certificate. The key never leaves the object, save into TLS."""

    certificate: Certificate
    path: Path  # of the file with both
    _key: ec.EllipticCurvePrivateKey = field(repr=False)
    _password: bytes | None = field(repr=False)

    @property
    def node(self) -> NodeId:
        """The id of this machine."""
        return self.certificate.node

    def sign(self, data: bytes) -> bytes:
        """ECDSA with SHA-256, DER; `certificate.verify` checks it."""
        return self._key.sign(data, ec.ECDSA(SHA256()))

    def show_in(self, context: ssl.SSLContext) -> None:
        """Make `context` prove this identity. Reads the file, so it blocks; raises IdentityError."""
        try:
            context.load_cert_chain(self.path, password=self._password)
        except (OSError, ssl.SSLError) as error:
            raise _unreadable(self.path, error) from error


def load_identity(folder: Path, *, protection: KeyProtection | None = None) -> Identity:
    """The identity in `folder`; made there if there is none. Blocks; raises IdentityError.

    `protection` is that of the operating system unless given.
    """
    path = folder / FILE_NAME
    protection = protection or key_protection.of_this_system()
    try:
        _tighten(path)
        content = path.read_bytes()
    except FileNotFoundError:
        return _made(path, protection)
    except OSError as error:
        raise _unreadable(path, error) from error
    return _read(path, content, _password(folder, protection))


def _read(path: Path, content: bytes, password: bytes | None) -> Identity:
    key_pem, begins, rest = content.partition(_CERTIFICATE_BEGINS)
    if not begins or len(content) > _MOST_BYTES:
        raise _damaged(path)
    try:
        key = load_pem_private_key(key_pem, password)
        certificate = Certificate.from_pem((begins + rest).decode("ascii"))
    except (ValueError, TypeError, UnsupportedAlgorithm, BadCertificate) as error:
        raise _damaged(path) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or _is_of_another(key, certificate):
        raise _damaged(path)
    return Identity(certificate=certificate, path=path, _key=key, _password=password)


def _is_of_another(key: ec.EllipticCurvePrivateKey, certificate: Certificate) -> bool:
    own = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return own != certificate.public_key_der


def _made(path: Path, protection: KeyProtection | None) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = self_signed(key)
    encryption: KeySerializationEncryption = NoEncryption()
    password = None
    try:
        if protection is not None:
            password = secrets.token_hex().encode()
            encryption = BestAvailableEncryption(password)
            write_private(path.with_name(PASSWORD_NAME), protection.wrap(password))
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        write_private(path, pem + certificate.pem.encode())
    except OSError as error:
        raise IdentityError(
            f"This machine's key can't be written to {path} ({error.strerror or error})."
            " Make room, or let the user that runs Corral write there, and start again."
        ) from error
    return Identity(certificate=certificate, path=path, _key=key, _password=password)


def _password(folder: Path, protection: KeyProtection | None) -> bytes | None:
    if protection is None:
        return None
    path = folder / PASSWORD_NAME
    try:
        return protection.unwrap(path.read_bytes())
    except OSError as error:
        raise IdentityError(
            f"The password of this machine's key, {path}, can't be unwrapped ({error.strerror or error})."
            " Start Corral as the user that started it the first time, on the same machine. If that user is gone,"
            f" remove {folder / FILE_NAME}: the machine gets a new identity and must join its cluster again."
        ) from error


def _tighten(path: Path) -> None:
    if os.name != "nt" and (mode := stat.S_IMODE(path.stat().st_mode)) & _OTHERS:
        path.chmod(mode & ~_OTHERS)
        _LOG.warning("other users could read this machine's key; its file is private now", file=str(path))


def _damaged(path: Path) -> IdentityError:
    return IdentityError(
        f"This machine's key, {path}, is damaged. Restore that file from a backup. If there is none, remove it: the machine"
        " gets a new identity and must join its cluster again; remove the old one from the cluster's members."
    )


def _unreadable(path: Path, error: OSError) -> IdentityError:
    return IdentityError(
        f"This machine's key, {path}, can't be read ({error.strerror or error})."
        " Let the user that runs Corral read it, and start again."
    )
