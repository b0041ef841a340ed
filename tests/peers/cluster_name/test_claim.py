"""What is said about the cluster's name."""

import pytest

from corral.peers.cluster_name.claim import (
    BadLabel,
    Claim,
    addresses_of,
    checked_label,
    gives_way,
    host_name,
    next_announcement_s,
    next_label,
    own_addresses,
    withdrawn,
)

ROUTER = ("192.168.1.20", "192.168.1.21", "2001:db8::20", "fe80::20%3")


def claim(*standbys: tuple[str, ...], router: tuple[str, ...] = ROUTER) -> Claim:
    return Claim(label="corral", settled=True, router=router, standbys=standbys)


def test_each_machine_has_one_address_of_each_protocol_and_the_router_is_first() -> None:
    standby = ("192.168.1.30", "fe80::30")
    assert addresses_of(claim(standby)) == ("192.168.1.20", "fe80::20", *standby)


def test_an_address_that_is_not_link_local_does_too() -> None:
    assert addresses_of(claim(router=("2001:db8::20",))) == ("2001:db8::20",)


def test_two_standbys_are_enough() -> None:
    assert len(addresses_of(claim(("10.0.0.1",), ("10.0.0.2",), ("10.0.0.3",)))) == 4


@pytest.mark.parametrize("useless", ["127.0.0.1", "::1", "0.0.0.0", "ff02::fb", "laptop.example", ""])
def test_what_nobody_can_reach_is_not_said(useless: str) -> None:
    assert addresses_of(claim((useless,), router=(useless,))) == ()


def test_only_its_own_addresses_are_taken_back() -> None:
    assert withdrawn(claim(("192.168.1.30",))) == ("192.168.1.20", "fe80::20")


def test_other_programs_here_may_say_all_of_its_addresses() -> None:
    assert own_addresses(claim()) == {"192.168.1.20", "192.168.1.21", "2001:db8::20", "fe80::20"}


@pytest.mark.parametrize(
    ("label", "then"),
    [
        ("corral", "corral-2"),
        ("corral-2", "corral-3"),
        ("corral-99", "corral-100"),
        ("lab-a", "lab-a-2"),
        ("a" * 63, "a" * 59 + "-2"),
    ],
)
def test_the_next_name(label: str, then: str) -> None:
    assert next_label(label) == then
    assert checked_label(then) == then


@pytest.mark.parametrize("text", ["corral", "Corral", " corral.local ", "CORRAL.LOCAL."])
def test_what_a_person_may_write(text: str) -> None:
    assert checked_label(text) == "corral"
    assert host_name(checked_label(text)) == "corral.local."


@pytest.mark.parametrize("text", ["", "-a", "a-", "a b", "a.b", "a" * 64, "ä", "a_b"])
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(BadLabel, match="letters, digits and hyphens"):
        checked_label(text)


def test_exactly_one_of_two_clusters_gives_way() -> None:
    assert gives_way("b", "a") is not gives_way("a", "b")


def test_three_announcements_and_then_one_every_five_seconds() -> None:
    assert [next_announcement_s(said) for said in (1, 2, 3, 4, 5)] == [0.25, 0.25, 5.0, 5.0, 5.0]
