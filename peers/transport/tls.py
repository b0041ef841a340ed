"""TLS between members: version 1.3, certificates on both sides, trust in nothing but the members' own."""

import ssl
from collections.abc import Iterable
from typing import Final

from corral.peers.identity.certificate import Certificate
from corral.peers.identity.identity import Identity

GREETING: Final = b"corral 1\n"  # the server's first bytes, once it has accepted the client's certificate
_NO_CHECK_TIME: Final = (
    0x200000  # X509_V_FLAG_NO_CHECK_TIME (OpenSSL 1.1.0 and newer), which Python doesn't name
)


def server_context(identity: Identity, members: Iterable[Certificate]) -> ssl.SSLContext:
    """Lets in who shows a certificate that chains to a member's; the caller must compare it too. Blocks."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, identity, members)
    context.num_tickets = 0  # no resumption: each connection shows its certificate anew
    return context


def client_context(identity: Identity, peer: Certificate) -> ssl.SSLContext:
    """Talks to the machine with this certificate only. Blocks."""
    return _context(ssl.PROTOCOL_TLS_CLIENT, identity, [peer])


def shows(ssl_object: ssl.SSLObject | ssl.SSLSocket | None) -> bytes | None:
    """The certificate that the other side has proven, DER."""
    return None if ssl_object is None else ssl_object.getpeercert(binary_form=True)


def _context(protocol: int, identity: Identity, trusted: Iterable[Certificate]) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # a member is known by its certificate, wherever it is
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)  # the clocks of members may be wrong
    for certificate in trusted:
        context.load_verify_locations(cadata=certificate.der)
    identity.show_in(context)
    return context
