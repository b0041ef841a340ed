"""The shell of the cluster over real ports: who is router, what is told, who belongs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from corral.peers.cluster.members import TABLE
from corral.peers.election.elector import Preference, State
from corral.peers.election.errors import HandoverImpossible
from corral.peers.replication.edit import Edit
from tests.peers.cluster.loopback import Member, Switchboard, new_member

WITHIN_S = 20.0
PREFERRED = Preference(prio=100)


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait until it is so."""
    try:
        async with asyncio.timeout(WITHIN_S):
            while not condition():  # noqa: ASYNC110 - many things may make it so
                await asyncio.sleep(0.01)
    except TimeoutError as error:
        raise AssertionError(f"it did not become so: {what}") from error


@pytest.fixture
def made(tmp_path: Path) -> tuple[Member, Member]:
    """Anna, who comes first in an election, and Bert."""
    switchboard = Switchboard()
    anna = new_member(tmp_path, switchboard, "anna", preference=PREFERRED)
    return anna, new_member(tmp_path, switchboard, "bert")


@pytest_asyncio.fixture
async def two(made: tuple[Member, Member]) -> AsyncIterator[tuple[Member, Member]]:
    """Both in one cluster, with Anna as router."""
    anna, bert = made
    await anna.start()
    await until(lambda: anna.cluster.is_router, "one that is alone is router at once")
    await anna.know([bert])
    await bert.start(joined=True)
    await bert.know([anna])  # as it was told when it joined
    await until(lambda: bert.cluster.router == anna.node, "the newcomer follows")
    await until(lambda: anna.cluster.live == {bert.node}, "the router hears it")
    yield anna, bert
    await bert.stop()
    await anna.stop()


async def test_a_newcomer_follows_and_has_what_the_cluster_knows(two: tuple[Member, Member]) -> None:
    anna, bert = two
    assert not bert.cluster.is_router
    assert anna.cluster.claim == bert.cluster.claim
    await anna.ledger.write([Edit("aliases", "a", {"name": "big", "targets": ["llama"], "created_at": 1.0})])
    view = await bert.ledger.view("aliases")
    await until(lambda: "a" in view.rows, "the row arrives")
    await until(lambda: bert.members.name(anna.node) == "anna", "names too")


async def test_members_tell_who_they_are_and_what_they_do(two: tuple[Member, Member]) -> None:
    anna, bert = two
    await until(lambda: bert.cluster.facts.of(anna.node).hello.program == "1.2.3", "a greeting")
    bert.cluster.set_load(b"busy")
    await until(lambda: anna.notes.loads.get(bert.node) == b"busy", "the load in a heartbeat")
    anna.cluster.tell(bert.node, "models", b"llama")
    await until(lambda: (anna.node, "models", b"llama") in bert.notes.words, "something longer")


async def test_a_router_that_goes_without_a_word_is_succeeded(two: tuple[Member, Member]) -> None:
    anna, bert = two
    before = bert.cluster.claim
    await anna.stop(goodbye=False)
    await until(lambda: bert.cluster.is_router, "the other takes over")
    assert before is not None
    assert bert.cluster.claim is not None
    assert bert.cluster.claim.term > before.term
    await anna.start()
    await until(lambda: anna.cluster.router == bert.node, "it follows when it comes back")


async def test_handing_over_needs_somebody_who_can(two: tuple[Member, Member]) -> None:
    anna, bert = two
    await anna.cluster.hand_over(bert.node, timeout_s=WITHIN_S)
    assert anna.cluster.router == bert.node
    await until(lambda: bert.cluster.is_router, "it knows")
    await anna.stop(goodbye=False)
    await until(lambda: not bert.cluster.live, "the other is gone")
    with pytest.raises(HandoverImpossible):
        await bert.cluster.hand_over(None, timeout_s=WITHIN_S)
    await anna.start()


async def test_draining_leaves_no_moment_without_a_router(two: tuple[Member, Member]) -> None:
    anna, bert = two
    await anna.cluster.drain(timeout_s=WITHIN_S)
    assert anna.cluster.state is not State.DRAINING
    assert anna.cluster.router == bert.node


async def test_a_removed_machine_is_told_and_not_heard_any_more(two: tuple[Member, Member]) -> None:
    anna, bert = two
    await anna.cluster.say_removed(bert.node)
    await anna.ledger.write([Edit(TABLE, bert.node, {"revoked_at": 5.0})])
    await until(lambda: bert.notes.was_removed, "it is told")
    await until(lambda: anna.cluster.alone and not anna.cluster.live, "nobody counts on it")
    assert anna.cluster.is_router
    assert not anna.cluster.facts.of(bert.node).greeted


async def test_waiting_for_a_change_ends_when_the_router_changes(two: tuple[Member, Member]) -> None:
    anna, bert = two
    waiting = asyncio.create_task(bert.cluster.wait_for_change(WITHIN_S))
    await asyncio.sleep(0)
    await anna.cluster.hand_over(bert.node, timeout_s=WITHIN_S)
    await waiting
    assert bert.cluster.router == bert.node


async def test_what_a_member_says_wrongly_is_passed_over(two: tuple[Member, Member]) -> None:
    anna, bert = two
    for body in (b"", b"\xc1", b"\x81\xa1k\xa1b" + b"x" * 100):
        bert.cluster.links.send(anna.node, body)
    bert.cluster.set_load(b"still here")
    await until(lambda: anna.notes.loads.get(bert.node) == b"still here", "the link goes on")
