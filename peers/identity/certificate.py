"""A node's certificate: self-signed, its own trust anchor, named after the key in it.

It is compared byte by byte with the one that was approved, so its dates mean nothing: a machine whose clock is wrong
must still be let in. They are set as wide as X.509 can say (RFC 5280 §4.1.2.5).
"""

import base64
import datetime
import hashlib
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from corral.peers.identity.errors import BadCertificate
from corral.peers.ids import NodeId

MOST_BYTES: Final = 4096  # one made here has about 430
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UserWarning,  # of what cryptography will refuse one day, where warnings are errors
)
_SIGNED_WITH: Final = ec.ECDSA(SHA256())
_FROM: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_UNTIL: Final = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A checked certificate. Make it with `from_der` or `from_pem`."""

    der: bytes = field(repr=False)
    node: NodeId
    public_key_der: bytes = field(repr=False)  # SubjectPublicKeyInfo

    @property
    def pem(self) -> str:
        """The same as text."""
        encoded = base64.encodebytes(self.der).decode().replace("\n", "")
        lines = (encoded[at : at + 64] for at in range(0, len(encoded), 64))
        return "\n".join(("-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""))

    @classmethod
    def from_der(cls, der: bytes) -> Self:
        """Raises BadCertificate unless it is one that `self_signed` makes, whatever its dates."""
        if len(der) > MOST_BYTES:
            raise BadCertificate("it is too large")
        try:
            return cls._checked(x509.load_der_x509_certificate(der))
        except _UNREADABLE as error:
            raise BadCertificate("it can't be read") from error

    @classmethod
    def from_pem(cls, pem: str) -> Self:
        """Raises BadCertificate. There must be exactly one in it."""
        if len(pem) > 2 * MOST_BYTES:
            raise BadCertificate("it is too large")
        try:
            (parsed,) = x509.load_pem_x509_certificates(pem.encode())
            return cls._checked(parsed)
        except _UNREADABLE as error:
            raise BadCertificate("it can't be read") from error

    @classmethod
    def _checked(cls, parsed: x509.Certificate) -> Self:
        key = parsed.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise BadCertificate("its key isn't of the kind P-256")
        public_key_der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        node = node_id(public_key_der)
        if parsed.subject != _name(node) or parsed.issuer != _name(node):
            raise BadCertificate("its name isn't that of its key")
        if _constraints(parsed) != x509.BasicConstraints(ca=True, path_length=0):
            raise BadCertificate("it isn't its own authority")
        try:
            parsed.verify_directly_issued_by(parsed)
        except (InvalidSignature, ValueError, TypeError) as error:
            raise BadCertificate("it isn't signed with its own key") from error
        return cls(der=parsed.public_bytes(Encoding.DER), node=node, public_key_der=public_key_der)


def node_id(public_key_der: bytes) -> NodeId:
    """Base32 of the SHA-256 of a SubjectPublicKeyInfo: 52 letters and digits."""
    return NodeId(base64.b32encode(hashlib.sha256(public_key_der).digest()).decode().rstrip("="))


def verify(certificate: Certificate, data: bytes, signature: bytes) -> bool:
    """Whether `Identity.sign` of the machine with this certificate made `signature` of `data`."""
    key = x509.load_der_x509_certificate(certificate.der).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey), "checked when it was read"
    try:
        key.verify(signature, data, _SIGNED_WITH)
    except InvalidSignature:
        return False
    return True


def self_signed(key: ec.EllipticCurvePrivateKey) -> Certificate:
    """A certificate for a P-256 key; another one at each call."""
    public_key = key.public_key()
    name = _name(node_id(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_KEY_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .sign(key, SHA256())
    )
    return Certificate.from_der(made.public_bytes(Encoding.DER))


_KEY_USAGE: Final = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def _name(node: NodeId) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, node)])


def _constraints(parsed: x509.Certificate) -> x509.BasicConstraints | None:
    try:
        return parsed.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return None
