"""Ask and approve: one click, six digits, and nobody in between."""

from pathlib import Path

import pytest

from corral.peers.identity.identity import Identity
from corral.peers.pairing.approval_desk import (
    BURST,
    DENIED_S,
    EVERY_S,
    MOST_PENDING,
    MOST_PENDING_OF_ADDRESS,
    REQUEST_LIFETIME_S,
)
from corral.peers.pairing.errors import (
    NodeRemoved,
    RequestDenied,
    RequestUnknown,
    TooManyPending,
    TooOften,
    TranscriptMismatch,
)
from corral.peers.pairing.messages import (
    VERSION,
    Ask,
    Offer,
    Reveal,
    Waiting,
    decode_answer,
    decode_request,
    encode,
)
from corral.peers.pairing.newcomer import AskingNewcomer
from corral.peers.pairing.transcript import Greeting, Meeting, newcomer_claim
from tests.peers.pairing.stage import ADDRESS, CLUSTER, NOW, Cluster, Wire, identity


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> list[Identity]:
    """Many machines; the first is the host."""
    folder: Path = tmp_path_factory.mktemp("machines")
    return [identity(folder, str(n)) for n in range(48)]


@pytest.fixture
def cluster(machines: list[Identity]) -> Cluster:
    """A cluster of the first machine."""
    return Cluster(machines[0])


def ask(cluster: Cluster, machine: Identity, *, client: str = ADDRESS) -> tuple[AskingNewcomer, Wire]:
    """A newcomer whose request is on the list."""
    newcomer = AskingNewcomer(
        identity=machine, name=f"laptop-{machine.node[:4]}", random=cluster.dice.randbytes
    )
    wire = Wire(cluster, client=client)
    assert wire.step(newcomer) and newcomer.code is None
    assert wire.step(newcomer) and newcomer.code is not None
    return newcomer, wire


def test_one_click_lets_a_machine_in(cluster: Cluster, machines: list[Identity]) -> None:
    newcomer, wire = ask(cluster, machines[1])
    assert wire.step(newcomer) and newcomer.joined is None
    (pending,) = cluster.host.pending(now=NOW + 1)
    assert (pending.node, pending.address, pending.asked_at) == (machines[1].node, ADDRESS, NOW)
    assert pending.code == newcomer.code and len(pending.code) == 6 and pending.code.isdigit()
    cluster.store(cluster.host.approve(pending.id, by="ann", now=NOW + 1))
    assert cluster.host.pending(now=NOW + 1) == ()
    wire.run(newcomer)
    assert newcomer.joined is not None and newcomer.next() is None
    assert newcomer.joined.certificate == machines[0].certificate
    assert (newcomer.joined.cluster_name, newcomer.joined.host) == ("home", machines[0].node)
    assert newcomer.code == pending.code  # still shown
    member = cluster.roster().members[machines[1].node]
    assert (member.certificate, member.approved_by) == (machines[1].certificate, "ann")


def test_lost_answers_can_be_asked_for_again(cluster: Cluster, machines: list[Identity]) -> None:
    newcomer, wire = ask(cluster, machines[1])
    revealed, answered = wire.messages[2:4]
    assert cluster.post(revealed) == answered
    (pending,) = cluster.host.pending(now=NOW)
    cluster.store(cluster.host.approve(pending.id, by=None, now=NOW))
    letter = newcomer.next()
    assert letter is not None
    cluster.post(letter.body)
    wire.run(newcomer)
    assert newcomer.joined is not None and len(cluster.admissions) == 1


def test_a_member_that_missed_its_admission_needs_no_second_click(
    cluster: Cluster, machines: list[Identity]
) -> None:
    newcomer, wire = ask(cluster, machines[1])
    cluster.store(cluster.host.approve(cluster.host.pending(now=NOW)[0].id, by=None, now=NOW))
    cluster.new_host()
    with pytest.raises(RequestUnknown, match="Ask again"):
        wire.run(newcomer)
    newcomer, wire = ask(cluster, machines[1])
    assert cluster.host.pending(now=NOW) == ()
    wire.run(newcomer)
    assert newcomer.joined is not None and len(cluster.admissions) == 1


def test_who_is_denied_is_told_and_waits(cluster: Cluster, machines: list[Identity]) -> None:
    newcomer, wire = ask(cluster, machines[1])
    cluster.host.deny(cluster.host.pending(now=NOW)[0].id, now=NOW)
    with pytest.raises(RequestDenied, match="10 minutes"):
        wire.run(newcomer)
    assert newcomer.next() is None and newcomer.joined is None
    with pytest.raises(RequestDenied):
        ask(cluster, machines[1], client="192.168.1.99")
    with pytest.raises(RequestDenied):
        ask(cluster, machines[2])  # another key at the same address
    cluster.now += DENIED_S
    ask(cluster, machines[1])


def test_requests_expire(cluster: Cluster, machines: list[Identity]) -> None:
    newcomer, wire = ask(cluster, machines[1])
    id = cluster.host.pending(now=NOW)[0].id
    cluster.now += REQUEST_LIFETIME_S
    assert cluster.host.pending(now=cluster.now) == ()
    with pytest.raises(RequestUnknown):
        cluster.host.approve(id, by=None, now=cluster.now)
    with pytest.raises(RequestUnknown):
        cluster.host.deny(id, now=cluster.now)
    with pytest.raises(RequestUnknown):
        wire.run(newcomer)


def test_a_machine_has_one_request(cluster: Cluster, machines: list[Identity]) -> None:
    first, first_wire = ask(cluster, machines[1])
    second, _ = ask(cluster, machines[1], client="192.168.1.21")
    (pending,) = cluster.host.pending(now=NOW)
    assert pending.code == second.code != first.code
    with pytest.raises(RequestUnknown):
        first_wire.run(first)


def test_a_removed_machine_stays_out(cluster: Cluster, machines: list[Identity]) -> None:
    ask(cluster, machines[1])
    admission = cluster.host.approve(cluster.host.pending(now=NOW)[0].id, by=None, now=NOW)
    cluster.store(admission)
    cluster.revoke(admission.node)
    with pytest.raises(NodeRemoved, match="corral cluster leave"):
        ask(cluster, machines[1])


def test_an_address_that_asks_too_often_is_put_off(cluster: Cluster, machines: list[Identity]) -> None:
    for _ in range(BURST):
        ask(cluster, machines[1])
    with pytest.raises(TooOften) as caught:
        ask(cluster, machines[2])
    assert caught.value.retry_after_s == pytest.approx(EVERY_S)
    ask(cluster, machines[2], client="192.168.1.21")
    cluster.now += EVERY_S
    ask(cluster, machines[2])


def test_an_address_has_few_requests(cluster: Cluster, machines: list[Identity]) -> None:
    for machine in machines[1 : MOST_PENDING_OF_ADDRESS + 1]:
        ask(cluster, machine)
    with pytest.raises(TooManyPending, match="Approve or deny") as caught:
        ask(cluster, machines[40])
    assert caught.value.retry_after_s == pytest.approx(REQUEST_LIFETIME_S)


@pytest.mark.parametrize("newcomers", ["192.168.1.20", "fe80::20%eth0", "::ffff:192.168.1.20"])
def test_a_newcomer_gets_through_a_thousand_requests(
    cluster: Cluster, machines: list[Identity], newcomers: str
) -> None:
    refused = 0
    for n in range(1000):
        try:
            ask(cluster, machines[1 + n % 40], client=f"10.0.0.{n % 9}")
        except (TooManyPending, TooOften):
            refused += 1
    assert refused > 900 and len(cluster.host.pending(now=NOW)) <= MOST_PENDING
    newcomer, wire = ask(cluster, machines[47], client=newcomers)
    pending = next(each for each in cluster.host.pending(now=NOW) if each.node == machines[47].node)
    assert pending.code == newcomer.code
    cluster.store(cluster.host.approve(pending.id, by=None, now=NOW))
    wire.run(newcomer)
    assert newcomer.joined is not None and len(cluster.admissions) == 1


def test_with_the_room_full_of_equals_the_next_one_waits(cluster: Cluster, machines: list[Identity]) -> None:
    for n in range(MOST_PENDING):
        ask(cluster, machines[1 + n], client=f"10.0.0.{n}")
    with pytest.raises(TooManyPending):
        ask(cluster, machines[47], client="10.0.1.1")
    assert {each.node for each in cluster.host.pending(now=NOW)} == {
        machine.node for machine in machines[1 : MOST_PENDING + 1]
    }


def test_two_exchanges_with_somebody_between_them_have_two_codes(
    cluster: Cluster, machines: list[Identity]
) -> None:
    middle = Cluster(machines[2], seed=7)
    newcomer, _ = ask(middle, machines[1])
    posing = AskingNewcomer(identity=machines[2], name=f"laptop-{machines[1].node[:4]}")
    to_host = Wire(cluster)
    assert to_host.step(posing) and to_host.step(posing)
    (shown,) = cluster.host.pending(now=NOW)
    assert shown.code != newcomer.code


def test_a_newcomer_keeps_to_its_commitment(cluster: Cluster, machines: list[Identity]) -> None:
    newcomer = AskingNewcomer(identity=machines[1], name="laptop")
    wire = Wire(cluster)
    assert wire.step(newcomer)
    asked, offer = decode_request(wire.messages[0]), decode_answer(wire.messages[1])
    assert isinstance(asked, Ask) and isinstance(offer, Offer)
    meeting = Meeting(
        greeting=Greeting(way="ask", version=VERSION, newcomer=machines[1].certificate, name="laptop"),
        exchange=offer.exchange,
        host=machines[0].certificate,
        cluster=CLUSTER,
        cluster_name="home",
        from_newcomer=asked.commitment,
        from_host=offer.nonce,
    )
    better = bytes(32)
    signature = machines[1].sign(newcomer_claim(meeting.seen(better)))
    with pytest.raises(TranscriptMismatch):
        cluster.host.handle(
            Reveal(exchange=offer.exchange, nonce=better, signature=signature), client=ADDRESS, now=NOW
        )
    assert cluster.host.pending(now=NOW) == ()


def test_a_host_keeps_to_its_commitment(cluster: Cluster, machines: list[Identity]) -> None:
    newcomer, wire = ask(cluster, machines[1])
    waiting = decode_answer(wire.messages[3])
    assert isinstance(waiting, Waiting)
    with pytest.raises(TranscriptMismatch):
        newcomer.take(encode(Waiting(exchange=waiting.exchange, nonce=bytes(32))))


def test_nobody_can_ask_with_a_strangers_certificate(cluster: Cluster, machines: list[Identity]) -> None:
    victim = AskingNewcomer(identity=machines[1], name="laptop", random=lambda n: bytes(n))
    thief = AskingNewcomer(identity=machines[2], name="laptop", random=lambda n: bytes(n))
    letter = victim.next()
    assert letter is not None
    offer = cluster.post(letter.body)
    thief.take(offer)
    forged = thief.next()
    assert forged is not None
    with pytest.raises(TranscriptMismatch, match="between them"):
        cluster.host.handle(decode_request(forged.body), client=ADDRESS, now=NOW)
    assert cluster.host.pending(now=NOW) == ()


def test_a_mirror_is_no_cluster(cluster: Cluster, machines: list[Identity]) -> None:
    with pytest.raises(TranscriptMismatch):
        ask(cluster, machines[0])
    newcomer = AskingNewcomer(identity=machines[1], name="laptop")
    own = Offer(
        exchange="0" * 32,
        certificate=machines[1].certificate.der,
        cluster=CLUSTER,
        cluster_name="home",
        nonce=bytes(32),
    )
    with pytest.raises(TranscriptMismatch):
        newcomer.take(encode(own))
    assert newcomer.next() is None
