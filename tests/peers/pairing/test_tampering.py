"""Somebody changes what is on the way: any byte of any message, any field of it, or puts its own things in their place.

Never does a newcomer believe in a certificate that isn't the host's, never does a cluster take in one that isn't the newcomer's.
"""

import base64
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corral.peers.identity.certificate import Certificate
from corral.peers.identity.errors import BadCertificate
from corral.peers.identity.identity import Identity
from corral.peers.pairing.errors import PairingError
from corral.peers.pairing.newcomer import AskingNewcomer, CodeNewcomer, Newcomer, TokenNewcomer
from tests.peers.pairing.stage import NOW, Change, Cluster, Wire, identity

WAYS = ("ask", "code", "token")
HINTS = {"addresses", "poll_after_s"}  # trusted for nothing
UNUSED = {("ask", 1, "proof"), ("ask", 5, "proof"), ("code", 1, "proof")}  # there is no secret to prove yet


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> list[Identity]:
    """The host, the newcomer and somebody else."""
    folder: Path = tmp_path_factory.mktemp("machines")
    return [identity(folder, str(n)) for n in range(3)]


class Attempt:
    """A newcomer on its way into a cluster, with people who compare the codes as they should."""

    def __init__(self, way: str, machines: list[Identity], changes: dict[int, Change]) -> None:
        self.host, self.machine, _ = machines
        self.cluster = Cluster(self.host)
        self.wire = Wire(self.cluster)
        self.wire.changes = changes
        self.newcomer = self._newcomer(way)
        self.error: PairingError | None = None
        self.codes_differ = False
        try:
            while self.wire.step(self.newcomer) and not self.codes_differ:
                self._compare()
        except PairingError as error:
            self.error = error

    @property
    def joined(self) -> bool:
        """Whether both sides think so; only ever with each other's true certificate."""
        assert {each.certificate for each in self.cluster.admissions} <= {self.machine.certificate}
        if self.newcomer.joined is None:
            return False
        assert self.newcomer.joined.certificate == self.host.certificate
        assert self.newcomer.joined.cluster_name == "home"
        assert self.cluster.admissions
        return True

    def _newcomer(self, way: str) -> Newcomer:
        dice = self.cluster.dice.randbytes
        if way == "ask":
            return AskingNewcomer(identity=self.machine, name="laptop", random=dice)
        if way == "code":
            code = self.cluster.host.show_code(by=None, now=NOW).code
            return CodeNewcomer(identity=self.machine, name="laptop", code=code, random=dice)
        token = self.cluster.invite()
        return TokenNewcomer(identity=self.machine, name="laptop", token=token, random=dice)

    def _compare(self) -> None:
        if not isinstance(self.newcomer, AskingNewcomer) or self.newcomer.code is None:
            return
        for pending in self.cluster.host.pending(now=NOW):
            if pending.code != self.newcomer.code:
                self.codes_differ = True
            else:
                self.cluster.store(self.cluster.host.approve(pending.id, by=None, now=NOW))


@pytest.fixture(scope="module")
def honest(machines: list[Identity]) -> dict[str, list[bytes]]:
    """For each way all messages of an attempt that nobody disturbs."""
    attempts = {way: Attempt(way, machines, {}) for way in WAYS}
    assert all(each.joined and each.error is None for each in attempts.values())
    return {way: each.wire.messages for way, each in attempts.items()}


@pytest.mark.parametrize("flip", [1, 2, 0x20, 0x80, 0xFF])
def test_a_changed_certificate_is_none_or_another_one_of_the_same_key(
    machines: list[Identity], flip: int
) -> None:
    """Signatures have more than one encoding, so what is compared is all of a certificate."""
    own = machines[1].certificate
    for at in range(len(own.der)):
        try:
            changed = Certificate.from_der(own.der[:at] + bytes([own.der[at] ^ flip]) + own.der[at + 1 :])
        except BadCertificate:
            continue
        assert changed.node == own.node and changed.der != own.der


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_any_byte_of_any_message(
    way: str, machines: list[Identity], honest: dict[str, list[bytes]], data: st.DataObject
) -> None:
    messages = honest[way]
    index = data.draw(st.integers(0, len(messages) - 1), label="message")
    at = data.draw(st.integers(0, len(messages[index]) - 1), label="byte")
    flip = data.draw(st.integers(1, 255), label="flip")

    def change(body: bytes) -> bytes:
        return body[:at] + bytes([body[at] ^ flip]) + body[at + 1 :] if at < len(body) else body

    attempt = Attempt(way, machines, {index: change})
    if not attempt.joined:
        assert attempt.error is not None or attempt.codes_differ


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_messages_in_each_others_place(
    way: str, machines: list[Identity], honest: dict[str, list[bytes]], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(honest[way]) - 1))
    other = data.draw(st.sampled_from(list(honest.values())).flatmap(st.sampled_from))
    attempt = Attempt(way, machines, {index: lambda _: other})
    if not attempt.joined:
        assert attempt.error is not None or attempt.codes_differ


def fields(way: str) -> list[tuple[str, int, str]]:
    """Each field of each message: way, number of the message, name."""
    names = {
        "ask": (
            "version certificate name commitment",
            "version exchange certificate cluster cluster_name nonce proof",
            "version exchange nonce signature",
            "version exchange nonce poll_after_s",
            "version exchange",
            "version exchange signature proof addresses",
        ),
        "code": (
            "version certificate name",
            "version exchange certificate cluster cluster_name nonce proof",
            "version exchange share",
            "version exchange share",
            "version exchange proof signature",
            "version exchange signature proof addresses",
        ),
        "token": (
            "version certificate name token nonce",
            "version exchange certificate cluster cluster_name nonce proof",
            "version exchange proof signature",
            "version exchange signature proof addresses",
        ),
    }[way]
    return [(way, index, name) for index, each in enumerate(names) for name in each.split()]


FIELDS = [each for way in WAYS for each in fields(way)]


@pytest.mark.parametrize(("way", "index", "field"), FIELDS, ids=lambda each: str(each))
def test_any_field_of_any_message(
    machines: list[Identity], honest: dict[str, list[bytes]], way: str, index: int, field: str
) -> None:
    before = values(honest[way][index])
    assert {name for its, n, name in FIELDS if (its, n) == (way, index)} == set(before) - {"kind"}
    changed: list[bytes] = []

    def change(body: bytes) -> bytes:
        told = values(body)
        told[field] = other_value(field, told[field], machines[2])
        changed.append(msgspec.json.encode(told))
        return changed[-1]

    attempt = Attempt(way, machines, {index: change})
    assert changed and values(changed[0]) != before
    if field in HINTS or (way, index, field) in UNUSED:
        assert attempt.joined and attempt.error is None
    else:
        assert not attempt.joined and (attempt.error is not None or attempt.codes_differ)


def values(body: bytes) -> dict[str, object]:
    read: dict[str, object] = msgspec.json.decode(body)
    return read


def other_value(field: str, value: object, stranger: Identity) -> object:
    """Another one of the same kind, as good as somebody between can make it."""
    if field == "certificate":
        return base64.b64encode(stranger.certificate.der).decode()
    if field == "addresses":
        return ["10.6.6.6:666", "nonsense:::"]
    if field == "poll_after_s":
        return 5.0
    if isinstance(value, int):
        return value + 1
    assert isinstance(value, str)
    if field in ("cluster", "exchange", "token"):
        return ("0" if value[0] != "0" else "1") + value[1:]
    if field in ("name", "cluster_name"):
        return "x" + value[1:]
    content = base64.b64decode(value) or bytes(32)
    return base64.b64encode(content[:-1] + bytes([content[-1] ^ 1])).decode()


def test_a_host_that_lets_in_before_it_told_its_nonce(
    machines: list[Identity], honest: dict[str, list[bytes]]
) -> None:
    last = honest["ask"][-1]

    def early(waiting: bytes) -> bytes:
        return msgspec.json.encode({**values(last), "exchange": values(waiting)["exchange"]})

    attempt = Attempt("ask", machines, {3: early})
    assert not attempt.joined and attempt.error is not None


@pytest.mark.parametrize("way", WAYS)
def test_somebody_who_speaks_to_both_with_its_own_key(way: str, machines: list[Identity]) -> None:
    """Own certificate towards both sides and the best signatures it can make: it knows neither code nor token."""
    host, machine, middle = machines
    swapped: Callable[[bytes], bytes] = lambda body: body.replace(
        base64.b64encode(host.certificate.der), base64.b64encode(middle.certificate.der)
    ).replace(base64.b64encode(machine.certificate.der), base64.b64encode(middle.certificate.der))
    attempt = Attempt(way, machines, dict.fromkeys(range(6), swapped))
    assert not attempt.joined and attempt.cluster.admissions == []
    assert attempt.error is not None or attempt.codes_differ
