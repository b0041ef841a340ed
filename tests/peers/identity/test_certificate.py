"""Certificates: what counts as one of a node, and what it proves."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from corral.peers.identity.certificate import Certificate, self_signed, verify
from corral.peers.identity.errors import BadCertificate
from tests.peers.identity.forging import forge, name_of

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())


def test_a_certificate_is_named_after_its_key() -> None:
    certificate = self_signed(KEY)

    assert certificate.node == name_of(KEY)
    assert len(certificate.node) == 52
    assert certificate.node.isalnum() and certificate.node.isupper()


def test_it_is_the_same_after_a_journey_as_text_and_as_bytes() -> None:
    certificate = self_signed(KEY)

    assert Certificate.from_der(certificate.der) == certificate
    assert Certificate.from_pem(certificate.pem) == certificate


def test_no_clock_is_outside_its_dates() -> None:
    parsed = x509.load_der_x509_certificate(self_signed(KEY).der)

    assert parsed.not_valid_before_utc == datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    assert parsed.not_valid_after_utc == datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)


def test_dates_are_not_looked_at() -> None:
    assert Certificate.from_der(forge(KEY, days=1)).node == name_of(KEY)


@pytest.mark.parametrize(
    ("der", "reason"),
    [
        (b"", "can't be read"),
        (b"\x30\x82" * 100, "can't be read"),
        (b"x" * 5000, "too large"),
        (self_signed(KEY).der + b"x", "can't be read"),
        (self_signed(KEY).der[:-1], "can't be read"),
        (forge(rsa.generate_private_key(65537, 2048)), "kind P-256"),
        (forge(ec.generate_private_key(ec.SECP384R1())), "kind P-256"),
        (forge(KEY, name="router"), "isn't that of its key"),
        (forge(KEY, name=name_of(OTHER)), "isn't that of its key"),
        (forge(KEY, issuer=OTHER), "isn't that of its key"),
        (forge(KEY, constraints=None), "its own authority"),
        (forge(KEY, constraints=x509.BasicConstraints(ca=False, path_length=None)), "its own authority"),
        (forge(KEY, constraints=x509.BasicConstraints(ca=True, path_length=None)), "its own authority"),
    ],
)
def test_whatever_a_node_does_not_make_is_refused(der: bytes, reason: str) -> None:
    with pytest.raises(BadCertificate, match=reason):
        Certificate.from_der(der)


def test_a_changed_certificate_is_refused() -> None:
    der = bytearray(self_signed(KEY).der)
    der[-1] ^= 1

    with pytest.raises(BadCertificate):
        Certificate.from_der(bytes(der))


@pytest.mark.parametrize("pem", ["", "no certificate", self_signed(KEY).pem * 2, "é", "x" * 10_000])
def test_text_holds_exactly_one(pem: str) -> None:
    with pytest.raises(BadCertificate):
        Certificate.from_pem(pem)


def test_a_signature_is_of_one_key_and_one_text() -> None:
    signature = KEY.sign(b"joined", ec.ECDSA(SHA256()))

    assert verify(self_signed(KEY), b"joined", signature)
    assert not verify(self_signed(KEY), b"left", signature)
    assert not verify(self_signed(OTHER), b"joined", signature)
    assert not verify(self_signed(KEY), b"joined", b"no signature")
    assert not verify(self_signed(KEY), b"joined", b"")
