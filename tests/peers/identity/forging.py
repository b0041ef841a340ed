"""Certificates that no honest node makes."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from corral.peers.identity.certificate import node_id

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
OWN_AUTHORITY = x509.BasicConstraints(ca=True, path_length=0)
LONG_AGO = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)


def name_of(key: Key) -> str:
    """What a certificate of this key is called."""
    return node_id(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def forge(
    key: Key,
    *,
    issuer: Key | None = None,
    name: str | None = None,
    constraints: x509.BasicConstraints | None = OWN_AUTHORITY,
    valid_from: datetime.datetime = LONG_AGO,
    days: int = 10 * 365,
) -> bytes:
    """DER of a certificate for `key`, signed by `issuer` or by itself."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name or name_of(key)))
        .issuer_name(_name(name_of(issuer) if issuer else name or name_of(key)))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid_from)
        .not_valid_after(valid_from + datetime.timedelta(days=days))
    )
    if constraints is not None:
        builder = builder.add_extension(constraints, critical=True)
    return builder.sign(issuer or key, SHA256()).public_bytes(Encoding.DER)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
