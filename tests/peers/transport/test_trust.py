"""Who gets in at the peer port, and whom a client talks to: the machine with the pinned certificate, and nobody else."""

import asyncio
import contextlib
import datetime
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from structlog.testing import capture_logs

from corral.peers.address import Address
from corral.peers.identity.certificate import Certificate
from corral.peers.identity.identity import FILE_NAME, Identity, load_identity
from corral.peers.transport import tls
from corral.peers.transport.errors import PeerBroke, PeerNotTrusted
from tests.engines.waiting import until
from tests.peers.identity.forging import forge
from tests.peers.transport.machines import Machine, Machines, read_on

LIMIT_S = 10.0


async def test_a_stranger_is_refused_and_sends_nothing(alice: Machine, bob: Machine) -> None:
    await bob.trust()

    with capture_logs() as logged:
        for _ in range(3):
            with pytest.raises(PeerNotTrusted, match="doesn't accept this machine as a member"):
                await alice.client.post(bob.node, "/echo", b"secret", timeout_s=LIMIT_S)
    assert bob.heard.requests == []
    assert [(entry["address"], entry["reason"]) for entry in logged] == [
        ("127.0.0.1", "its certificate is not a member's")
    ]


async def test_a_member_that_meets_another_machine_at_the_address_sends_nothing(
    alice: Machine, bob: Machine, machines: Machines
) -> None:
    fake = await machines.start(2)
    alice.knows(bob, fake.address)

    with pytest.raises(PeerNotTrusted, match="another machine answers there"):
        await alice.client.post(bob.node, "/echo", b"secret", timeout_s=LIMIT_S)
    with pytest.raises(PeerNotTrusted):
        await alice.client.link(bob.node, "/link")
    assert fake.heard.requests == []


async def test_an_added_member_gets_in_at_once(alice: Machine, bob: Machine) -> None:
    await bob.trust()
    with pytest.raises(PeerNotTrusted):
        await alice.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S)
    await bob.trust(alice)

    assert await alice.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S) == b"x"


async def test_a_removed_member_is_cut_and_stays_out_while_others_notice_nothing(
    alice: Machine, bob: Machine, machines: Machines
) -> None:
    carol = await machines.start(2)
    await carol.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S)
    staying = asyncio.create_task(carol.client.post(bob.node, "/wait", b"", timeout_s=LIMIT_S))
    link = await alice.client.link(bob.node, "/link")
    answer = await alice.client.open(bob.node, "GET", "/endless")
    idle = await alice.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S)
    assert idle == b"x"

    await bob.trust(carol)

    with pytest.raises(PeerBroke):
        await read_on(answer)
    await link.closed()
    with pytest.raises(PeerNotTrusted):
        await alice.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S)
    bob.release.set()
    assert await staying == b"released"
    await until(lambda: ("close", alice.node) in bob.heard.links, "the end of the link is told")
    await link.aclose()


async def test_members_change_many_times_at_once(alice: Machine, bob: Machine, machines: Machines) -> None:
    carol = await machines.start(2)
    await asyncio.gather(
        *(bob.trust(*others) for others in [(), (alice,), (carol,), (), (alice, carol), (carol,)])
    )

    assert await carol.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S) == b"x"
    with pytest.raises(PeerNotTrusted):
        await alice.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S)


async def test_a_client_talks_to_members_only(alice: Machine, bob: Machine) -> None:
    await alice.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S)
    del alice.members[bob.node]

    for asking in (
        alice.client.post(bob.node, "/echo", b"x", timeout_s=LIMIT_S),
        alice.client.open(bob.node, "GET", "/endless"),
        alice.client.link(bob.node, "/link"),
    ):
        with pytest.raises(PeerNotTrusted, match="isn't a member"):
            await asking
    assert len(bob.heard.requests) == 1


class Impostor:
    """A machine whose key file holds a forged certificate before the one that it chains to."""

    def __init__(self, folder: Path, authority: Identity, subject: ec.EllipticCurvePrivateKey) -> None:
        authority_key = load_pem_private_key(authority.path.read_bytes(), None)
        assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
        forged = forge(subject, issuer=authority_key, constraints=None)
        self.path = folder / "forged.pem"
        self.path.write_bytes(
            subject.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + x509.load_der_x509_certificate(forged).public_bytes(Encoding.PEM)
            + authority.certificate.pem.encode()
        )

    def show_in(self, context: ssl.SSLContext) -> None:
        context.load_cert_chain(self.path)


def plain_context(impostor: Impostor, protocol: int) -> ssl.SSLContext:
    """As a member would make one, but it trusts everybody."""
    context = ssl.SSLContext(protocol)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    impostor.show_in(context)
    return context


def in_one_breath(port: int, context: ssl.SSLContext, request: bytes) -> bytes:
    """The end of the handshake and a request, sent together; what came back until the end."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    speaker = context.wrap_bio(incoming, outgoing)
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as connection:
        while True:
            try:
                speaker.do_handshake()
            except ssl.SSLWantReadError:
                connection.sendall(outgoing.read())
                incoming.write(connection.recv(65536))
            else:
                break
        speaker.write(request)
        connection.sendall(outgoing.read())
        with contextlib.suppress(OSError):  # cut hard
            while got := connection.recv(65536):
                incoming.write(got)
        incoming.write_eof()
        try:
            return speaker.read()
        except ssl.SSLError:
            return b""


async def test_a_certificate_that_a_member_issued_gets_nobody_in(
    alice: Machine, bob: Machine, tmp_path: Path
) -> None:
    impostor = Impostor(tmp_path, alice.identity, ec.generate_private_key(ec.SECP256R1()))
    context = plain_context(impostor, ssl.PROTOCOL_TLS_CLIENT)
    request = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"
    with capture_logs() as logged:
        assert await asyncio.to_thread(in_one_breath, bob.server.port, context, request) == b""

    assert bob.heard.requests == []
    assert [entry["reason"] for entry in logged] == ["its certificate is not a member's"]


async def test_a_certificate_that_the_peer_issued_is_not_the_peers(
    alice: Machine, bob: Machine, tmp_path: Path
) -> None:
    impostor = Impostor(tmp_path, bob.identity, ec.generate_private_key(ec.SECP256R1()))
    got: list[bytes] = []

    async def pretend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(tls.GREETING)
        try:
            got.append(await reader.read(1000))
        except OSError:
            got.append(b"")
        writer.close()

    server = await asyncio.start_server(
        pretend, "127.0.0.1", 0, ssl=plain_context(impostor, ssl.PROTOCOL_TLS_SERVER)
    )
    async with server:
        alice.knows(bob, Address("127.0.0.1", server.sockets[0].getsockname()[1]))
        with pytest.raises(PeerNotTrusted, match="another machine answers there"):
            await alice.client.post(bob.node, "/echo", b"secret", timeout_s=LIMIT_S)
    assert got in ([], [b""])


async def test_certificates_whose_dates_are_over_or_to_come_work(
    identities: list[Identity], tmp_path: Path
) -> None:
    """What a machine with a wrong clock sees when it looks at the certificates of the others."""
    old = await asyncio.to_thread(dated_identity, tmp_path / "old", identities[0], 2001)
    new = await asyncio.to_thread(dated_identity, tmp_path / "new", identities[1], 2090)
    asks, answers = (Machine(each, [old.certificate, new.certificate]) for each in (old, new))
    await asks.start()
    await answers.start()
    asks.knows(answers)
    answers.knows(asks)

    assert await asks.client.post(answers.node, "/echo", b"x", timeout_s=LIMIT_S) == b"x"
    assert await answers.client.post(asks.node, "/echo", b"x", timeout_s=LIMIT_S) == b"x"
    await asks.stop()
    await answers.stop()


def dated_identity(folder: Path, like: Identity, year: int) -> Identity:
    """The same key with a certificate that is valid for a day of that year."""
    key_pem = like.path.read_bytes().partition(b"-----BEGIN CERTIFICATE-----")[0]
    key = load_pem_private_key(key_pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    folder.mkdir()
    certificate = Certificate.from_der(
        forge(key, valid_from=datetime.datetime(year, 1, 1, tzinfo=datetime.UTC), days=1)
    )
    (folder / FILE_NAME).write_bytes(key_pem + certificate.pem.encode())
    return load_identity(folder)
