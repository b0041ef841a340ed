"""Room for everybody: who makes place for whom, and how often an address may begin."""

import pytest

from corral.peers.pairing.errors import TooManyPending, TooOften
from corral.peers.pairing.pace import Pace
from corral.peers.pairing.waiting_room import Source, WaitingRoom, loser_of, source_of


@pytest.mark.parametrize(
    ("client", "source"),
    [
        ("192.168.1.2", Source("192.168.1.2", "192.168.1.2")),
        ("::ffff:192.168.1.2", Source("192.168.1.2", "192.168.1.2")),
        ("2001:DB8::1:0:5", Source("2001:db8::1:0:5", "2001:db8::/64")),
        ("fe80::1%eth0", Source("fe80::1", "fe80::/64")),
        ("<local>", Source("<local>", "<local>")),
        ("x" * 200, Source("x" * 64, "x" * 64)),
        ("", Source("", "")),
    ],
)
def test_sources(client: str, source: Source) -> None:
    assert source_of(client) == source


@pytest.mark.parametrize(
    ("waiting", "newcomer", "loser"),
    [
        ("10.0.0.1 10.0.0.2", "10.0.0.3", None),  # all have one
        ("10.0.0.1 10.0.0.2 10.0.0.1", "10.0.0.3", 0),
        ("10.0.0.1 10.0.0.2 10.0.0.2", "10.0.0.2", None),  # the greediest itself
        ("10.0.0.1 10.0.0.2 10.0.0.2 10.0.0.2", "10.0.0.1", 1),
        ("10.0.0.1 10.0.0.2 10.0.0.2", "10.0.0.1", None),  # only a swap
        ("fd00::1 fd00::2 fd00::3 10.0.0.1", "10.0.0.2", 0),  # many addresses of one machine, maybe
        ("fd00::1 fd00::2 fd00::2", "fd00::3", 1),
        ("fd00::1 fd00::2 fd00::3", "fd00::4", None),
        ("10.0.0.1 10.0.0.1", "fd00::4", 0),
    ],
)
def test_who_makes_room(waiting: str, newcomer: str, loser: int | None) -> None:
    places = [(str(n), source_of(each)) for n, each in enumerate(waiting.split())]
    assert loser_of(places, source_of(newcomer)) == (None if loser is None else str(loser))


def test_places_end_with_their_time_also_when_the_clock_is_set_back() -> None:
    room = WaitingRoom[str](most=2, most_of_address=2, lifetime_s=10)
    room.enter("a", "A", source_of("10.0.0.1"), now=100)
    assert room.get("a", now=109) == "A" and room.get("a", now=110) is None
    room.enter("b", "B", source_of("10.0.0.1"), now=100)
    assert list(room.values(now=0)) == ["B"] and room.get("b", now=10) is None


def test_a_room_is_bounded() -> None:
    room = WaitingRoom[str](most=3, most_of_address=2, lifetime_s=10)
    room.enter("a", "A", source_of("10.0.0.1"), now=0)
    room.enter("b", "B", source_of("10.0.0.1"), now=1)
    with pytest.raises(TooManyPending) as caught:
        room.enter("c", "C", source_of("10.0.0.1"), now=2)
    assert caught.value.retry_after_s == 8
    room.enter("d", "D", source_of("10.0.0.2"), now=2)
    room.enter("e", "E", source_of("10.0.0.3"), now=2)
    assert list(room.values(now=2)) == ["B", "D", "E"]
    with pytest.raises(TooManyPending) as caught:
        room.enter("f", "F", source_of("10.0.0.4"), now=3)
    assert caught.value.retry_after_s == 8
    assert room.leave("d") == source_of("10.0.0.2") and room.leave("d") is None


def test_an_address_has_a_burst_and_then_a_pace() -> None:
    pace = Pace(burst=2, every_s=10)
    source, other = source_of("10.0.0.1"), source_of("10.0.0.2")
    pace.take(source, now=0)
    pace.take(source, now=0)
    with pytest.raises(TooOften) as caught:
        pace.take(source, now=4)
    assert caught.value.retry_after_s == pytest.approx(6)
    pace.take(other, now=4)
    pace.take(source, now=10)
    with pytest.raises(TooOften):
        pace.take(source, now=0)  # the clock was set back
    pace.take(source, now=10)


def test_a_network_of_addresses_has_a_pace_too() -> None:
    pace = Pace(burst=2, every_s=10)
    for n in range(16):
        pace.take(source_of(f"fd00::{n:x}"), now=0)
    with pytest.raises(TooOften):
        pace.take(source_of("fd00::ff"), now=0)
    pace.take(source_of("10.0.0.1"), now=0)


def test_only_so_many_addresses_are_remembered() -> None:
    pace = Pace(burst=1, every_s=1000)
    for n in range(10_000):
        pace.take(source_of(f"10.0.{n // 256}.{n % 256}"), now=0)
    with pytest.raises(TooOften):
        pace.take(source_of("10.0.39.15"), now=0)
    pace.take(source_of("10.0.0.0"), now=0)  # forgotten by now
