"""What a host that is no member can do to a cluster over TCP. Everything it is told lands in its loot."""

import asyncio
import contextlib
import datetime
import json
import secrets
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from corral.app.front_door.wire import RequestHead, encode_request_head
from corral.peers.identity.certificate import self_signed
from corral.peers.identity.identity import Identity, load_identity
from corral.peers.pairing.errors import PairingError
from corral.peers.pairing.messages import Ask, encode
from corral.peers.pairing.newcomer import AskingNewcomer

FRONT_PORT: Final = 32768
PEER_PORT: Final = 32769
GIGABYTE: Final = 2**30
HALF_HANDSHAKES: Final = 500
JOIN_REQUESTS: Final = 1000
_PATIENCE_S = 3.0
_AT_ONCE = 50
_HALF_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(60)
_PIECE = bytes(1024 * 1024)


@dataclass(slots=True)
class Loot:
    """All bytes that the attacker ever received."""

    file: Path
    bytes_by_attack: dict[str, int] = field(default_factory=dict)

    def take(self, attack: str, data: bytes) -> None:
        """Keep them."""
        self.bytes_by_attack[attack] = self.bytes_by_attack.get(attack, 0) + len(data)
        with self.file.open("ab") as file:
            file.write(data)


async def say(
    host: str,
    port: int,
    data: bytes,
    *,
    context: ssl.SSLContext | None = None,
    patience_s: float = _PATIENCE_S,
) -> bytes:
    """Connect, say this, and listen until the other side ends it, or for some seconds."""
    got = b""
    try:
        async with asyncio.timeout(patience_s):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
            try:
                writer.write(data)
                while piece := await reader.read(65536):
                    got += piece
            finally:
                writer.transport.abort()
    except (OSError, TimeoutError):
        pass
    return got


# --- the peer port


def certificates(folder: Path, removed: Path) -> Iterator[tuple[str, ssl.SSLContext]]:
    """Ways to show oneself: no certificate, a stranger's, one that nobody issued, a removed machine's, one that it issued."""
    yield "nothing", _context()
    stranger = _context()
    load_identity(folder / "stranger").show_in(stranger)
    yield "stranger", stranger
    gone = _context()
    load_identity(removed).show_in(gone)
    yield "removed", gone
    nobody = ec.generate_private_key(ec.SECP256R1())
    issuer = load_pem_private_key((removed / "identity.pem").read_bytes(), None)
    assert isinstance(issuer, ec.EllipticCurvePrivateKey)
    for name, key in (("nobody", nobody), ("issued", issuer)):
        context = _context()
        context.load_cert_chain(_issued(folder / f"{name}.pem", key))
        yield name, context


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _issued(file: Path, issuer: ec.EllipticCurvePrivateKey) -> Path:
    """A new key with a certificate that this one signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "router")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "corral")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(issuer, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    return file


def member_requests() -> Sequence[bytes]:
    """What members say to each other: for state, for the cluster's key, as a router with a high term, as a relay."""
    pull = b'{"kind":"pull","version":1,"since":{"log":"x","number":0}}'
    head = encode_request_head(
        RequestHead(method="GET", path="/v0/api-keys", vouched="this_machine", host_ok=True)
    )
    upgrade = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    key = b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    claim = b"x-corral-claim: 9007199254740991.%s\r\n" % (b"A" * 52)
    return [
        b"GET /peer/link HTTP/1.1\r\nHost: x\r\n" + upgrade + key + b"\r\n",
        *(
            b"POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s" % (path, claim, len(body), body)
            for path, body in (
                (b"/peer/replica", pull),
                (b"/peer/welcome", b""),
                (b"/peer/relay", head),
                (b"/peer/infer", b"\x80"),
                (b"/peer/leave", b""),
            )
        ),
    ]


async def half_handshakes(host: str, number: int) -> int:
    """Begin so many and wait until all have been ended by the other side; how many could begin."""

    async def one() -> int:
        try:
            reader, writer = await asyncio.open_connection(host, PEER_PORT)
        except OSError:
            return 0
        with contextlib.suppress(OSError):
            writer.write(_HALF_HELLO)
            while await reader.read(65536):
                pass
        writer.transport.abort()
        return 1

    return sum(await asyncio.gather(*(one() for _ in range(number))))


# --- bodies without end


async def pour(host: str, port: int, head: bytes, *, chunked: bool = False) -> bytes:
    """Send a gigabyte after this head, until the other side has had enough: what it said."""
    sent, got = 0, b""
    reader, writer = await asyncio.open_connection(host, port)
    listening = asyncio.create_task(reader.read(65536))
    piece = b"%x\r\n%s\r\n" % (len(_PIECE), _PIECE) if chunked else _PIECE
    try:
        async with asyncio.timeout(30):
            writer.write(head)
            while sent < GIGABYTE:
                writer.write(piece)
                await writer.drain()
                sent += len(_PIECE)
    except (OSError, TimeoutError):
        pass  # it has had enough
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            got = await listening
    listening.cancel()
    writer.transport.abort()
    return got


def endless_bodies() -> Iterator[tuple[int, bytes, bool]]:
    """Port, head, and whether the body goes in chunks."""
    yield PEER_PORT, b"", False
    for path in ("/pair/ask", "/v1/chat/completions", "/v0/api-keys"):
        for chunked in (False, True):
            length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {GIGABYTE}"
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{length}\r\n\r\n"
            yield FRONT_PORT, head.encode(), chunked


# --- the front door


def posted(path: str, body: bytes, headers: str = "") -> bytes:
    """A POST that ends the connection."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n{headers}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def forged_requests() -> Iterator[bytes]:
    """What opens to members and their commands only, asked of the front door."""
    forwarded = "X-Corral-Relayed: this_machine\r\nX-Corral-Claim: 9999.A\r\nX-Forwarded-For: 127.0.0.1\r\n"
    yield from member_requests()
    for path in (
        "/v0/cluster/handover",
        "/v0/cluster/invites",
        "/v0/api-keys",
        "/v0/node/stop",
        "/v1/models",
    ):
        yield posted(path, b"{}", forwarded)
        yield posted(path, b"{}", "Authorization: Bearer sk_wrong\r\n")
    for path in ("/v0/cluster", "/v0/cluster/local", "/v0/users", "/v0/settings", "/pair/info", "/health"):
        yield f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{forwarded}\r\n".encode()


async def ask_to_join(hosts: Sequence[str], number: int) -> tuple[dict[str, int], bytes]:
    """Ask so many times, each time with a new key: how often each kind of answer came, and all of them."""
    answers: dict[str, int] = {}
    got: list[bytes] = []
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(turn: int) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        ask = Ask(certificate=self_signed(key).der, name=f"evil-{turn}", commitment=secrets.token_bytes(32))
        async with turns:
            answer = await say(
                hosts[turn % len(hosts)], FRONT_PORT, posted("/pair/ask", encode(ask)), patience_s=30
            )
        got.append(answer)
        kind = kind_of(answer)
        answers[kind] = answers.get(kind, 0) + 1

    await asyncio.gather(*(one(turn) for turn in range(number)))
    return answers, b"".join(got)


async def wait_in_line(host: str, identity: Identity, name: str) -> str:
    """Ask as an honest machine does, as far as waiting for an approval; the kind of the last answer."""
    newcomer, kind = AskingNewcomer(identity=identity, name=name), ""
    while kind != "waiting" and (letter := newcomer.next()) is not None:
        answer = await say(host, FRONT_PORT, posted(letter.path, letter.body), patience_s=30)
        kind = kind_of(answer)
        try:
            newcomer.take(answer.partition(b"\r\n\r\n")[2])
        except PairingError:
            break
    return kind


def kind_of(answer: bytes) -> str:
    """The kind of a pairing message, or the status line of what is none."""
    try:
        document = json.loads(answer.partition(b"\r\n\r\n")[2])
        return str(document.get("kind", document))
    except ValueError:
        return answer.partition(b"\r\n")[0].decode(errors="replace")
