"""Typed codes: whoever knows the six digits comes in, and nobody gets many guesses."""

from pathlib import Path

import pytest

from corral.peers.identity.identity import Identity
from corral.peers.pairing.code_desk import CODE_LIFETIME_S, TRIES, WINDOW_S, WRONG_TRIES, Reckoning, ShownCode
from corral.peers.pairing.errors import (
    CodeExpired,
    CodeUsedUp,
    CoolDown,
    MalformedMessage,
    MistypedCode,
    NoCode,
    RequestUnknown,
    TooOften,
    TranscriptMismatch,
    WrongCode,
)
from corral.peers.pairing.messages import Share, decode_request, encode
from corral.peers.pairing.newcomer import CodeNewcomer
from tests.peers.pairing.stage import ADDRESS, NOW, Cluster, Wire, identity


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> list[Identity]:
    """The host and three others."""
    folder: Path = tmp_path_factory.mktemp("machines")
    return [identity(folder, str(n)) for n in range(4)]


@pytest.fixture
def cluster(machines: list[Identity]) -> Cluster:
    """A cluster of the first machine."""
    return Cluster(machines[0])


def show(cluster: Cluster) -> ShownCode:
    return cluster.host.show_code(by="ann", now=cluster.now)


def typed(cluster: Cluster, machine: Identity, code: str) -> CodeNewcomer:
    return CodeNewcomer(identity=machine, name="laptop", code=code, random=cluster.dice.randbytes)


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def guess(cluster: Cluster, machine: Identity, code: str, *, client: str = ADDRESS) -> None:
    Wire(cluster, client=client).run(typed(cluster, machine, code))


def test_the_right_code_lets_a_machine_in(cluster: Cluster, machines: list[Identity]) -> None:
    code = show(cluster).code
    newcomer = typed(cluster, machines[1], f" {code[:3]} {code[3:]}")
    Wire(cluster).run(newcomer)
    assert newcomer.joined is not None and newcomer.joined.certificate == machines[0].certificate
    member = cluster.roster().members[machines[1].node]
    assert (member.certificate, member.approved_by) == (machines[1].certificate, "ann")


def test_a_code_admits_one_machine(cluster: Cluster, machines: list[Identity]) -> None:
    code = show(cluster).code
    second, wire = typed(cluster, machines[2], code), Wire(cluster)
    assert wire.step(second) and wire.step(second)  # at the same time
    guess(cluster, machines[1], code)
    assert cluster.host.shown_code(now=NOW) is None
    with pytest.raises(CodeUsedUp):
        wire.run(second)
    with pytest.raises(CodeUsedUp):
        guess(cluster, machines[2], code)
    assert [each.node for each in cluster.admissions] == [machines[1].node]


def test_a_code_bears_three_tries(cluster: Cluster, machines: list[Identity]) -> None:
    shown = show(cluster)
    for left in reversed(range(TRIES)):
        with pytest.raises(WrongCode, match=f"Tries left: {left}") as caught:
            guess(cluster, machines[1], other_than(shown.code))
        assert caught.value.tries_left == left
    with pytest.raises(CodeUsedUp):
        guess(cluster, machines[1], shown.code)
    assert cluster.admissions == [] and cluster.host.shown_code(now=NOW) is None


def test_an_exchange_bears_one_proof(cluster: Cluster, machines: list[Identity]) -> None:
    newcomer, wire = typed(cluster, machines[1], other_than(show(cluster).code)), Wire(cluster)
    with pytest.raises(WrongCode):
        wire.run(newcomer)
    with pytest.raises(RequestUnknown):
        cluster.host.handle(decode_request(wire.messages[4]), client=ADDRESS, now=NOW)


def test_tries_that_are_not_finished_count_too(cluster: Cluster, machines: list[Identity]) -> None:
    show(cluster)
    for _ in range(TRIES):
        newcomer, wire = typed(cluster, machines[1], "000000"), Wire(cluster)
        assert wire.step(newcomer) and wire.step(newcomer)
    assert cluster.host.shown_code(now=NOW) is None


def test_ten_wrong_tries_in_an_hour_begin_a_cool_down(cluster: Cluster, machines: list[Identity]) -> None:
    for n in range(WRONG_TRIES):
        shown = cluster.host.shown_code(now=cluster.now) or show(cluster)
        with pytest.raises(WrongCode):
            guess(cluster, machines[1], other_than(shown.code), client=f"10.0.0.{n}")
    with pytest.raises(CoolDown, match="60 minutes") as caught:
        show(cluster)
    assert caught.value.retry_after_s == pytest.approx(WINDOW_S)
    with pytest.raises(CoolDown):
        guess(cluster, machines[1], shown.code)
    cluster.now += WINDOW_S
    guess(cluster, machines[1], show(cluster).code)
    assert len(cluster.admissions) == 1


def test_right_codes_bring_no_cool_down(cluster: Cluster, machines: list[Identity]) -> None:
    for n in range(WRONG_TRIES + 1):
        guess(cluster, machines[1], show(cluster).code, client=f"10.0.0.{n}")
    show(cluster)


def test_a_clock_set_back_makes_no_cool_down_longer(cluster: Cluster, machines: list[Identity]) -> None:
    for n in range(WRONG_TRIES):
        shown = cluster.host.shown_code(now=cluster.now) or show(cluster)
        with pytest.raises(WrongCode):
            guess(cluster, machines[1], other_than(shown.code), client=f"10.0.0.{n}")
    cluster.now -= 86_400
    with pytest.raises(CoolDown):
        show(cluster)
    cluster.now += WINDOW_S
    show(cluster)


def test_a_code_is_shown_for_a_minute(cluster: Cluster, machines: list[Identity]) -> None:
    with pytest.raises(NoCode, match="Let one show"):
        guess(cluster, machines[1], "000000")
    shown = show(cluster)
    assert shown.code not in repr(shown)
    cluster.now += CODE_LIFETIME_S
    with pytest.raises(CodeExpired):
        guess(cluster, machines[1], shown.code)
    cluster.now = NOW - 5  # the clock was set back
    with pytest.raises(CodeExpired):
        guess(cluster, machines[1], shown.code)
    shown = show(cluster)
    cluster.host.hide_code()
    with pytest.raises(NoCode):
        guess(cluster, machines[1], shown.code)


def test_a_new_code_takes_the_place_of_the_old_one(cluster: Cluster, machines: list[Identity]) -> None:
    old = show(cluster).code
    begun, tried = typed(cluster, machines[1], old), typed(cluster, machines[2], old)
    to_begun, to_tried = Wire(cluster), Wire(cluster)
    assert to_begun.step(begun)
    assert to_tried.step(tried) and to_tried.step(tried)
    show(cluster)
    for newcomer, wire in ((begun, to_begun), (tried, to_tried)):
        with pytest.raises(CodeExpired):
            wire.run(newcomer)
    assert cluster.admissions == []


@pytest.mark.parametrize("text", ["", "12345", "1234567", "12345a", "१२३४५६", "1234\uff156"])
def test_what_is_no_code(machines: list[Identity], text: str) -> None:
    with pytest.raises(MistypedCode, match="six digits"):
        CodeNewcomer(identity=machines[1], name="laptop", code=text)


def test_lost_answers_can_be_asked_for_again(cluster: Cluster, machines: list[Identity]) -> None:
    newcomer, wire = typed(cluster, machines[1], show(cluster).code), Wire(cluster)
    wire.run(newcomer)
    share, shared, confirm, admitted = wire.messages[2:]
    assert cluster.post(share) == shared
    cluster.post(confirm)
    assert len(cluster.admissions) == 1 and admitted
    with pytest.raises(MalformedMessage, match="a second share"):
        cluster.host.handle(decode_request(altered(share)), client=ADDRESS, now=NOW)


def altered(share: bytes) -> bytes:
    at = share.index(b'"share":"') + 12
    return share[:at] + (b"A" if share[at : at + 1] != b"A" else b"B") + share[at + 1 :]


def test_nothing_is_computed_twice(cluster: Cluster, machines: list[Identity]) -> None:
    newcomer, wire = typed(cluster, machines[1], show(cluster).code), Wire(cluster)
    assert wire.step(newcomer)
    letter = newcomer.next()
    assert letter is not None
    reckoning = cluster.host.handle(decode_request(letter.body), client=ADDRESS, now=NOW)
    assert isinstance(reckoning, Reckoning)
    assert all(secret not in repr(reckoning) for secret in (reckoning.code, "random"))
    with pytest.raises(TooOften):
        cluster.host.handle(decode_request(letter.body), client=ADDRESS, now=NOW)
    newcomer.take(encode(cluster.host.resume(reckoning, reckoning.reckon(), now=NOW)))
    wire.run(newcomer)
    assert newcomer.joined is not None


@pytest.mark.parametrize(
    "share", [b"B" + bytes(32), b"A" + bytes(32), b"B" + b"\x01" + bytes(31), b"B" + b"\xff" * 32]
)
def test_shares_that_are_no_points(cluster: Cluster, machines: list[Identity], share: bytes) -> None:
    newcomer, wire = typed(cluster, machines[1], show(cluster).code), Wire(cluster)
    assert wire.step(newcomer)
    exchange = decode_request_exchange(newcomer)
    with pytest.raises(TranscriptMismatch):
        newcomer.take(encode(Share(exchange=exchange, share=share)))


def decode_request_exchange(newcomer: CodeNewcomer) -> str:
    letter = newcomer.next()
    assert letter is not None
    return str(getattr(decode_request(letter.body), "exchange", ""))


def test_somebody_between_needs_the_code(cluster: Cluster, machines: list[Identity]) -> None:
    """A rogue host that shows some code of its own to a newcomer with the right one, and tries what it learns."""
    code = show(cluster).code
    rogue = Cluster(machines[2], seed=9)
    if show(rogue).code == code:
        show(rogue)
    with pytest.raises(WrongCode):
        guess(rogue, machines[1], code)
    assert rogue.admissions == []


def test_another_router_knows_nothing_of_it(cluster: Cluster, machines: list[Identity]) -> None:
    newcomer, wire = typed(cluster, machines[1], show(cluster).code), Wire(cluster)
    assert wire.step(newcomer)
    cluster.new_host()
    with pytest.raises(RequestUnknown):
        wire.run(newcomer)
