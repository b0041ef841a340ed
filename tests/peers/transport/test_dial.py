"""Which address goes first, and what the failures of all of them say together."""

import asyncio

import pytest

from corral.peers.address import Address
from corral.peers.ids import NodeId
from corral.peers.transport.dial import MOST_ADDRESSES, Failed, Obstacle, dial, in_order, verdict
from corral.peers.transport.errors import PeerError, PeerNotTrusted, PeerNowhere, PeerRefused, PeerUnreachable

A, B, C = (Address(f"10.0.0.{number}", 1) for number in (1, 2, 3))
NODE = NodeId("N" * 52)
REFUSED, LOST, FAKE = Obstacle.REFUSED, Obstacle.UNREACHABLE, Obstacle.NOT_TRUSTED


@pytest.mark.parametrize(
    ("addresses", "worked_last", "order"),
    [
        ([], None, []),
        ([], A, []),
        ([A, B], None, [A, B]),
        ([A, B, C], C, [C, A, B]),
        ([A, B], C, [A, B]),
        ([A, B, A, B], B, [B, A]),
    ],
)
def test_the_order(addresses: list[Address], worked_last: Address | None, order: list[Address]) -> None:
    assert in_order(addresses, worked_last) == order


def test_no_more_addresses_are_tried_than_make_sense() -> None:
    many = [Address("10.0.0.1", port) for port in range(1, 1000)]

    assert in_order(many, many[900]) == [many[900], *many[: MOST_ADDRESSES - 1]]


@pytest.mark.parametrize(
    ("failures", "worked_last", "kind"),
    [
        ({}, None, PeerNowhere),
        ({A: REFUSED}, None, PeerRefused),
        ({A: LOST}, None, PeerUnreachable),
        ({A: FAKE}, None, PeerNotTrusted),
        ({A: REFUSED, B: REFUSED}, None, PeerRefused),
        ({A: REFUSED, B: LOST}, None, PeerUnreachable),
        ({A: REFUSED, B: LOST}, A, PeerRefused),
        ({A: REFUSED, B: LOST}, B, PeerUnreachable),
        ({A: REFUSED, B: FAKE}, None, PeerNotTrusted),
        ({A: REFUSED, B: FAKE}, A, PeerRefused),
        ({A: LOST, B: FAKE}, A, PeerNotTrusted),
    ],
)
def test_the_verdict(
    failures: dict[Address, Obstacle], worked_last: Address | None, kind: type[PeerError]
) -> None:
    failed = {address: Failed(obstacle, "why") for address, obstacle in failures.items()}
    error = verdict(NODE, failed, worked_last)

    assert type(error) is kind
    assert error.node == NODE
    assert all(f"{address}: why" in str(error) for address in failures)


class Made:
    """A connection that is only there or cut."""

    def __init__(self) -> None:
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


async def test_a_second_connection_that_was_made_too_is_cut() -> None:
    made = {A: Made(), B: Made()}
    both = asyncio.Barrier(2)

    async def connect(address: Address) -> Made:
        await both.wait()
        return made[address]

    won, connection = await dial(NODE, [A, B], connect, worked_last=None, timeout_s=10)
    assert connection is made[won]
    assert [each.aborted for each in made.values()] == [address != won for address in made]


async def test_who_stops_waiting_ends_all_attempts() -> None:
    ended: set[Address] = set()
    started = asyncio.Barrier(3)

    async def connect(address: Address) -> Made:
        try:
            await started.wait()
            await asyncio.Event().wait()
        finally:
            ended.add(address)
        return Made()

    dialling = asyncio.create_task(dial(NODE, [A, B], connect, worked_last=None, timeout_s=None))
    await started.wait()
    dialling.cancel()
    await asyncio.wait([dialling])

    assert ended == {A, B}


async def test_the_next_address_is_tried_when_one_fails() -> None:
    async def connect(address: Address) -> Made:
        if address == C:
            return Made()
        raise Failed(REFUSED, "why")

    won, _ = await dial(NODE, [A, B, C], connect, worked_last=None, timeout_s=10)
    assert won == C
