"""Invite tokens: each use admits one machine, typos are noticed, and the table is no token."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corral.peers.address import Address
from corral.peers.identity.identity import Identity
from corral.peers.ids import ClusterId, NodeId
from corral.peers.pairing.desk import Admission
from corral.peers.pairing.errors import (
    BadToken,
    NodeRemoved,
    OtherCluster,
    RequestUnknown,
    TokenExpired,
    TokenRevoked,
    TokenUnknown,
    TokenUsedUp,
    TranscriptMismatch,
)
from corral.peers.pairing.messages import decode_request
from corral.peers.pairing.newcomer import Joined, TokenNewcomer
from corral.peers.pairing.token import MOST_HINTS, PREFIX, Token, TokenRow, new_token, token_row, uses_left
from corral.peers.pairing.transcript import digest
from corral.peers.replication.projection import Row
from tests.peers.pairing.stage import ADDRESS, CLUSTER, NOW, Cluster, Wire, identity

MAKER = NodeId("A" * 51 + "Q")
HINTS = (Address("192.168.1.2", 32768), Address("2001:db8::1", 32768), Address("box.example", 1))


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> list[Identity]:
    """The host and five others."""
    folder: Path = tmp_path_factory.mktemp("machines")
    return [identity(folder, str(n)) for n in range(6)]


@pytest.fixture
def cluster(machines: list[Identity]) -> Cluster:
    """A cluster of the first machine."""
    return Cluster(machines[0])


def join(cluster: Cluster, machine: Identity, token: Token) -> Joined:
    newcomer = TokenNewcomer(identity=machine, name="rack", token=token, random=cluster.dice.randbytes)
    Wire(cluster).run(newcomer)
    assert newcomer.joined is not None
    return newcomer.joined


def begun(cluster: Cluster, machine: Identity, token: Token) -> bytes:
    """The proof that a newcomer would send."""
    newcomer = TokenNewcomer(identity=machine, name="rack", token=token, random=cluster.dice.randbytes)
    assert Wire(cluster).step(newcomer)
    letter = newcomer.next()
    assert letter is not None
    return letter.body


def test_each_use_admits_one_machine(cluster: Cluster, machines: list[Identity]) -> None:
    token = cluster.invite(uses=2)
    joined = join(cluster, machines[1], Token.parse(token.text))
    assert joined.certificate == machines[0].certificate and joined.vouched
    member = cluster.roster().members[machines[1].node]
    assert (member.certificate, member.joined_with, member.approved_by) == (
        machines[1].certificate,
        token.id,
        "ann",
    )
    join(cluster, machines[1], token)  # again: takes no second use
    join(cluster, machines[2], token)
    with pytest.raises(TokenUsedUp, match="Make a new one"):
        join(cluster, machines[3], token)
    cluster.revoke(machines[2].node)
    with pytest.raises(TokenUsedUp):
        join(cluster, machines[3], token)
    with pytest.raises(NodeRemoved):
        join(cluster, machines[2], token)
    assert [each.node for each in cluster.admissions] == [machines[1].node, machines[2].node]


def test_any_member_may_be_router_by_then(cluster: Cluster, machines: list[Identity]) -> None:
    token = cluster.invite()
    cluster.identity = machines[5]
    cluster.new_host()
    joined = join(cluster, machines[1], token)
    assert joined.host == machines[5].node and not joined.vouched


def test_uses_are_counted_before_they_are_stored(cluster: Cluster, machines: list[Identity]) -> None:
    token = cluster.invite()
    first, second = (begun(cluster, machine, token) for machine in machines[1:3])
    admission = cluster.host.handle(decode_request(first), client=ADDRESS, now=NOW)
    assert isinstance(admission, Admission)
    with pytest.raises(TokenUsedUp):
        cluster.host.handle(decode_request(second), client=ADDRESS, now=NOW)
    cluster.host.admitted(admission)  # and the table of members shows it a little later
    with pytest.raises(TokenUsedUp):
        cluster.host.handle(decode_request(second), client=ADDRESS, now=NOW)
    cluster.host.abandoned(admission)  # had it failed instead, the use would be free
    assert isinstance(cluster.host.handle(decode_request(second), client=ADDRESS, now=NOW), Admission)
    with pytest.raises(RequestUnknown):
        cluster.host.handle(decode_request(first), client=ADDRESS, now=NOW)


def test_tokens_end(cluster: Cluster, machines: list[Identity]) -> None:
    token = cluster.invite(hours=2)
    proof = begun(cluster, machines[1], token)
    cluster.tokens[token.id] = replace(cluster.tokens[token.id], revoked_at=NOW)
    with pytest.raises(TokenRevoked):
        join(cluster, machines[1], token)
    with pytest.raises(TokenRevoked):
        cluster.host.handle(decode_request(proof), client=ADDRESS, now=NOW)
    token = cluster.invite(hours=2)
    cluster.now += 7200
    with pytest.raises(TokenExpired):
        join(cluster, machines[1], token)
    del cluster.tokens[token.id]
    with pytest.raises(TokenUnknown):
        join(cluster, machines[1], token)
    assert cluster.admissions == []


def test_replayed_messages_admit_nobody_else(cluster: Cluster, machines: list[Identity]) -> None:
    token = cluster.invite(uses=5)
    newcomer, wire = TokenNewcomer(identity=machines[1], name="rack", token=token), Wire(cluster)
    wire.run(newcomer)
    begin, _, prove, _ = wire.messages
    for _ in range(3):
        cluster.post(begin)
        cluster.post(prove)
    assert len(cluster.admissions) == 1
    fresh = begun(cluster, machines[2], token)  # another exchange with the old proof
    with pytest.raises(TranscriptMismatch):
        cluster.host.handle(
            decode_request(prove.replace(exchange(prove), exchange(fresh))), client=ADDRESS, now=NOW
        )
    cluster.revoke(machines[1].node)
    with pytest.raises(NodeRemoved):
        cluster.host.handle(decode_request(prove), client=ADDRESS, now=NOW)
    cluster.new_host()
    with pytest.raises(RequestUnknown):
        cluster.host.handle(decode_request(prove), client=ADDRESS, now=NOW)


def exchange(body: bytes) -> bytes:
    return str(getattr(decode_request(body), "exchange", "")).encode()


def test_a_proof_is_good_for_one_certificate(cluster: Cluster, machines: list[Identity]) -> None:
    """Somebody between who puts its own certificate into the first message gets a proof that the host doesn't take."""
    token = cluster.invite()
    wire = Wire(cluster)
    mine, theirs = (base64.b64encode(machine.certificate.der) for machine in (machines[2], machines[1]))
    wire.changes[0] = lambda body: body.replace(theirs, mine)
    with pytest.raises(TranscriptMismatch):
        wire.run(TokenNewcomer(identity=machines[1], name="rack", token=token))
    assert len(wire.messages) == 2 and cluster.admissions == []


def test_a_host_is_believed_for_one_certificate(cluster: Cluster, machines: list[Identity]) -> None:
    """Somebody between who puts its own certificate into the offer, and signs the last answer itself."""
    middle, wire = machines[2], Wire(cluster)
    mine, theirs = (base64.b64encode(machine.certificate.der) for machine in (middle, machines[0]))
    wire.changes[1] = lambda body: body.replace(theirs, mine)
    newcomer = TokenNewcomer(identity=machines[1], name="rack", token=cluster.invite())
    with pytest.raises(TranscriptMismatch):
        wire.run(newcomer)
    assert len(wire.messages) == 2 and newcomer.next() is None and newcomer.joined is None


def test_the_table_is_no_token(cluster: Cluster, machines: list[Identity]) -> None:
    """Whoever has the row can make neither the secret nor a signature of it; with the verifier for a secret he fails."""
    token = cluster.invite()
    row = cluster.tokens[token.id]
    columns = row.columns()
    assert token.secret.hex() not in str(columns) and token.secret.hex() not in repr((token, row))
    for secret in (row.verifier[:16], row.verifier[16:], bytes.fromhex(row.id)):
        with pytest.raises(TokenUnknown):
            join(cluster, machines[1], replace(token, secret=secret))


def test_a_cluster_that_lacks_the_row_is_not_believed(cluster: Cluster, machines: list[Identity]) -> None:
    token = cluster.invite()
    rogue = Cluster(machines[2], seed=5)
    rogue.tokens[token.id] = replace(cluster.tokens[token.id], verifier=bytes(32))
    newcomer, wire = TokenNewcomer(identity=machines[1], name="rack", token=token), Wire(rogue)
    with pytest.raises(TranscriptMismatch):
        wire.run(newcomer)
    assert len(wire.messages) == 2  # it proved nothing to it
    elsewhere = replace(token, cluster=ClusterId("f" * 32))
    rogue.tokens[elsewhere.id] = replace(cluster.tokens[token.id], verifier=elsewhere.verifier)
    with pytest.raises(OtherCluster):
        join(rogue, machines[1], elsewhere)


@settings(deadline=None)
@given(
    secret=st.binary(min_size=16, max_size=16), hints=st.lists(st.sampled_from(HINTS), max_size=MOST_HINTS)
)
def test_a_token_is_one_line(secret: bytes, hints: list[Address]) -> None:
    token = Token(cluster=CLUSTER, maker=MAKER, secret=secret, hints=tuple(hints))
    assert token.text.startswith(PREFIX) and token.text.isascii() and "\n" not in token.text
    assert Token.parse(token.text) == token
    assert Token.parse(f"  {token.text.upper()[:30]}\n {token.text[30:]} ") == token


@settings(deadline=None)
@given(data=st.data())
def test_typos_are_noticed(data: st.DataObject) -> None:
    text = Token(cluster=CLUSTER, maker=MAKER, secret=bytes(16), hints=HINTS).text
    at = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz01234567-"))
    typo = data.draw(
        st.sampled_from([text[:at] + letter + text[at + 1 :], text[:at] + text[at + 1 :], text[:at]])
    )
    try:
        assert Token.parse(typo).text == text  # nothing but unused bits of the last letter changed
    except BadToken as error:
        assert "Copy all of the line" in str(error)


@settings(deadline=None)
@given(st.text() | st.text("abcdefghijklmnopqrstuvwxyz234567").map(PREFIX.__add__))
def test_what_is_no_token(text: str) -> None:
    with pytest.raises(BadToken):
        Token.parse(text)


def test_a_token_of_a_later_version() -> None:
    body = bytes([2]) + bytes(64)
    whole = body + digest("token checksum", body)[:4]
    with pytest.raises(BadToken, match="later version"):
        Token.parse(PREFIX + base64.b32encode(whole).decode().rstrip("="))


@pytest.mark.parametrize(("uses", "hours"), [(0, 1.0), (1001, 1.0), (1, 0.0), (1, 721.0), (1, float("nan"))])
def test_bounds(uses: int, hours: float) -> None:
    with pytest.raises(ValueError, match="A token"):
        new_token(
            cluster=CLUSTER,
            maker=MAKER,
            hints=(),
            uses=uses,
            hours=hours,
            by=None,
            now=NOW,
            random=lambda n: bytes(n),
        )


def test_rows() -> None:
    _, row = new_token(
        cluster=CLUSTER, maker=MAKER, hints=(), uses=3, hours=1, by="ann", now=NOW, random=lambda n: bytes(n)
    )
    values: dict[str, object] = {**row.columns(), "digest": row.verifier, "revoked_at": None}
    assert token_row(Row(row.id, values)) == row
    assert token_row(Row(row.id, {**values, "revoked_at": 5})) == replace(row, revoked_at=5.0)
    assert token_row(Row("0" * 32, values)) is None
    assert token_row(Row(row.id, {**values, "uses": "3"})) is None
    assert token_row(Row(row.id, {**values, "expires_at": None})) is None


@pytest.mark.parametrize(
    ("admitted", "left"), [([], 2), (["A"], 1), (["A", "A"], 1), (["A", "B"], 0), (["A", "B", "C"], 0)]
)
def test_uses_left(admitted: list[str], left: int) -> None:
    row = TokenRow(id="0", verifier=b"", uses=2, created_at=0, expires_at=1)
    assert uses_left(row, [NodeId(each) for each in admitted]) == left
