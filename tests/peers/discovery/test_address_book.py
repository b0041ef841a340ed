"""The address book: bounded, fair to members, and never an authority."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.peers.address import Address
from corral.peers.discovery.address_book import (
    FORGET_AFTER_S,
    MOST_MANUAL,
    MOST_STRANGERS,
    PROBE_EVERY_S,
    PROBE_PROVEN_EVERY_S,
    PROBES_AT_ONCE,
    AddressBook,
    Candidate,
)
from corral.peers.discovery.announcement import Announcement
from corral.peers.discovery.entry import MOST_ADDRESSES, Source
from corral.peers.ids import NodeId

OWN, MEMBER = NodeId("O" * 52), NodeId("M" * 52)


def stranger(number: int) -> NodeId:
    return NodeId(f"S{number:051d}")


def at(number: int, port: int = 32769) -> Address:
    return Address(f"10.0.{number // 250}.{number % 250 + 1}", port)


def said(node: NodeId, boot: str = "b" * 16) -> Announcement:
    return Announcement(version=1, node=node, boot=boot, cluster=None, peer_port=32769, front_port=32768)


@pytest.fixture
def book() -> AddressBook:
    made = AddressBook(OWN)
    made.set_members([OWN, MEMBER])
    return made


def of(book: AddressBook, node: NodeId | None) -> Candidate:
    return next(each for each in book.candidates() if each.node == node)


def strangers(book: AddressBook) -> list[Candidate]:
    return [each for each in book.candidates() if not each.member]


def test_only_what_is_new_is_news(book: AddressBook) -> None:
    assert book.hear(said(MEMBER), [at(1)], 0.0)
    assert not book.hear(said(MEMBER), [at(1)], 1.0)
    assert book.hear(said(MEMBER, boot="c" * 16), [at(1)], 2.0)
    assert book.hear(said(MEMBER), [at(1), at(2)], 3.0)
    assert of(book, MEMBER).heard_at == 3.0


def test_this_machine_is_not_in_its_own_book(book: AddressBook) -> None:
    assert not book.hear(said(OWN), [at(1)], 0.0)
    book.gossip(OWN, [at(1)], 0.0)
    book.prove(OWN, at(1), 0.0)
    assert [each.node for each in book.candidates()] == [MEMBER]


def test_an_address_that_is_no_longer_announced_is_gone_unless_proven(book: AddressBook) -> None:
    book.hear(said(MEMBER), [at(1), at(2)], 0.0)
    book.prove(MEMBER, at(2), 1.0)
    book.hear(said(MEMBER), [at(3)], 2.0)
    assert book.addresses(MEMBER) == (at(2), at(3))
    book.leave(MEMBER)
    assert book.addresses(MEMBER) == (at(2),)


def test_proven_addresses_come_first_then_the_latest(book: AddressBook) -> None:
    book.gossip(MEMBER, [at(1)], 1.0)
    book.hear(said(MEMBER), [at(2)], 2.0)
    book.prove(MEMBER, at(3), 3.0)
    book.gossip(MEMBER, [at(4)], 4.0)
    assert book.addresses(MEMBER) == (at(3), at(4), at(2), at(1))


def test_an_address_belongs_to_whom_it_was_proven(book: AddressBook) -> None:
    book.prove(MEMBER, at(1), 0.0)
    book.prove(stranger(1), at(1), 1.0)
    assert book.addresses(MEMBER) == ()
    assert book.addresses(stranger(1)) == (at(1),)


def test_a_machine_has_few_addresses_and_keeps_the_proven_ones(book: AddressBook) -> None:
    book.prove(MEMBER, at(0), 0.0)
    for number in range(1, 100):
        book.gossip(MEMBER, [at(number)], float(number))
        book.hear(said(MEMBER), [at(number + offset) for offset in range(100)], float(number))
    assert len(book.addresses(MEMBER)) == MOST_ADDRESSES
    assert at(0) in book.addresses(MEMBER)


def test_strangers_never_push_out_members_or_proven_ones(book: AddressBook) -> None:
    book.hear(said(MEMBER), [at(1)], 0.0)
    book.prove(stranger(0), at(2), 0.0)
    for number in range(1, 1000):
        book.hear(said(stranger(number)), [at(number)], float(number))
    assert len(strangers(book)) == MOST_STRANGERS
    assert book.addresses(MEMBER) == (at(1),)
    assert book.addresses(stranger(0)) == (at(2),)
    assert book.addresses(stranger(999)) == (at(999),)
    assert book.addresses(stranger(1)) == ()


def test_when_all_places_are_proven_an_unproven_one_waits(book: AddressBook) -> None:
    for number in range(MOST_STRANGERS):
        book.prove(stranger(number), at(number), float(number))
    assert not book.hear(said(stranger(1000)), [at(1)], 100.0)
    book.prove(stranger(1001), at(900), 101.0)
    assert book.addresses(stranger(1001)) == (at(900),)
    assert book.addresses(stranger(0)) == ()


def test_a_stranger_that_is_admitted_keeps_its_addresses(book: AddressBook) -> None:
    book.hear(said(stranger(1)), [at(1)], 0.0)
    book.set_members([OWN, MEMBER, stranger(1)])
    assert of(book, stranger(1)).member
    assert book.addresses(stranger(1)) == (at(1),)
    book.set_members([OWN])
    assert not of(book, MEMBER).member


def test_a_stranger_that_says_goodbye_is_forgotten(book: AddressBook) -> None:
    book.hear(said(stranger(1)), [at(1)], 0.0)
    assert book.leave(stranger(1))
    assert strangers(book) == []
    assert not book.leave(stranger(1))


def test_strangers_are_probed_every_ten_seconds(book: AddressBook) -> None:
    book.hear(said(stranger(1)), [at(1)], 0.0)
    book.hear(said(MEMBER), [at(2)], 0.0)
    assert [each.node for each in book.to_probe(0.0)] == [stranger(1)]
    assert book.to_probe(PROBE_EVERY_S - 0.1) == ()
    assert [each.node for each in book.to_probe(PROBE_EVERY_S)] == [stranger(1)]


def test_a_proven_stranger_is_probed_seldom_until_it_says_something_new(book: AddressBook) -> None:
    book.hear(said(stranger(1)), [at(1)], 0.0)
    book.to_probe(0.0)
    book.prove(stranger(1), at(1), 0.5)
    assert book.to_probe(PROBE_EVERY_S) == ()
    assert book.to_probe(PROBE_PROVEN_EVERY_S)
    book.hear(said(stranger(1), boot="c" * 16), [at(1)], PROBE_PROVEN_EVERY_S + 1)
    assert book.to_probe(PROBE_PROVEN_EVERY_S + PROBE_EVERY_S)


def test_a_flood_is_probed_in_small_parts_and_everyone_has_a_turn(book: AddressBook) -> None:
    for number in range(MOST_STRANGERS):
        book.hear(said(stranger(number)), [at(number)], 0.0)
    probed: list[NodeId | None] = []
    while due := book.to_probe(0.0):
        assert len(due) <= PROBES_AT_ONCE
        probed += [each.node for each in due]
    assert sorted(map(str, probed)) == sorted(stranger(number) for number in range(MOST_STRANGERS))


def test_a_silent_stranger_is_forgotten(book: AddressBook) -> None:
    book.hear(said(stranger(1)), [at(1)], 0.0)
    book.to_probe(FORGET_AFTER_S + 1)
    assert strangers(book) == []


def test_a_written_address_has_no_machine_until_it_answered(book: AddressBook) -> None:
    book.set_manual([at(1)])
    (probe,) = book.to_probe(0.0)
    assert (probe.node, [each.source for each in probe.addresses]) == (None, [Source.MANUAL])
    book.prove(MEMBER, at(1), 1.0)
    assert book.addresses(MEMBER) == (at(1),)
    assert book.to_probe(100.0) == ()
    assert all(each.node is not None for each in book.candidates())


def test_a_written_address_of_this_machine_is_asked_once(book: AddressBook) -> None:
    book.set_manual([at(1)])
    book.to_probe(0.0)
    book.prove(OWN, at(1), 1.0)
    assert book.to_probe(100.0) == ()


def test_written_addresses_are_bounded_and_replaced(book: AddressBook) -> None:
    book.set_manual([at(number) for number in range(1000)])
    assert len([each for each in book.candidates() if each.node is None]) == MOST_MANUAL
    book.set_manual([])
    assert [each.node for each in book.candidates()] == [MEMBER]


def test_whose_address_it_is(book: AddressBook) -> None:
    book.hear(said(MEMBER), [at(1), Address("fe80::1%2", 32769)], 0.0)
    book.hear(said(stranger(1)), [at(2)], 0.0)
    assert book.node_at(at(1).host) == MEMBER
    assert book.node_at("fe80::1") == MEMBER
    assert book.node_at(at(2).host) is None


def test_last_known_addresses_survive_a_restart(book: AddressBook) -> None:
    book.hear(said(MEMBER), [at(1), Address("fe80::1%2", 32769)], 0.0)
    book.prove(MEMBER, at(2), 1.0)
    book.hear(said(stranger(1)), [at(3)], 0.0)
    kept = json.loads(json.dumps(book.snapshot()))
    assert kept == {MEMBER: [str(at(2)), str(at(1))]}
    later = AddressBook(OWN)
    later.remember(kept, 0.0)
    assert later.candidates() == ()  # no member any more
    later.set_members([MEMBER])
    later.remember({**kept, "nonsense": ["x"], MEMBER: [*kept[MEMBER], "nonsense", "1.2.3.4"]}, 0.0)
    assert set(later.addresses(MEMBER)) == {at(1), at(2)}
    assert {each.source for each in of(later, MEMBER).addresses} == {Source.REMEMBERED}


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["hear", "gossip", "prove", "leave"]),
        st.integers(0, 150),
        st.lists(st.integers(0, 40), max_size=20),
    ),
    max_size=200,
)


@given(events=EVENTS)
def test_it_stays_small_and_members_stay_whatever_is_said(events: list[tuple[str, int, list[int]]]) -> None:
    book = AddressBook(OWN)
    book.set_members([MEMBER])
    for now, (event, number, places) in enumerate(events):
        node = MEMBER if number == 0 else stranger(number)
        addresses = [at(place) for place in places]
        if event == "hear":
            book.hear(said(node), addresses, float(now))
        elif event == "gossip":
            book.gossip(node, addresses, float(now))
        elif event == "leave":
            book.leave(node)
        elif places:
            book.prove(node, addresses[0], float(now))
        assert of(book, MEMBER).member
        assert len(strangers(book)) <= MOST_STRANGERS
        assert all(len(each.addresses) <= MOST_ADDRESSES for each in book.candidates())
        proven = [a.address for each in book.candidates() for a in each.addresses if a.proven_at is not None]
        assert len(proven) == len(set(proven))
