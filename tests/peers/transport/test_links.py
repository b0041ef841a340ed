"""Links: messages in order, one for each peer, and both sides hear of the end at once."""

import asyncio

import pytest
from structlog.testing import capture_logs

from corral.peers.transport.errors import PeerAnswered, PeerBroke, PeerRefused
from tests.engines.waiting import until
from tests.peers.transport.machines import SMALL_BYTES, Machine

LIMIT_S = 10.0


async def test_messages_arrive_whole_and_in_order(alice: Machine, bob: Machine) -> None:
    link = await alice.client.link(bob.node, "/link")
    sent = [b"%d" % number * (number % 50 + 1) for number in range(500)] + [b"", b"x" * SMALL_BYTES]
    for message in sent:
        await link.send(message)
    await until(lambda: len(bob.heard.links) == len(sent) + 1, "all messages")

    assert bob.heard.links == [("open", alice.node), *(("message", each) for each in sent)]
    await link.aclose()


async def test_closing_a_link_loses_nothing_and_is_told(alice: Machine, bob: Machine) -> None:
    link = await alice.client.link(bob.node, "/link")
    for _ in range(100):
        await link.send(b"x" * SMALL_BYTES)
    await link.aclose()
    await until(lambda: bob.heard.links[-1] == ("close", alice.node), "the end is told")

    assert len(bob.heard.links) == 102
    await asyncio.wait_for(link.closed(), LIMIT_S)
    with pytest.raises(PeerBroke, match="has ended"):
        await link.send(b"x")
    await link.aclose()


async def test_a_new_link_replaces_the_old(alice: Machine, bob: Machine) -> None:
    first = await alice.client.link(bob.node, "/link")
    second = await alice.client.link(bob.node, "/link")
    await asyncio.wait_for(first.closed(), LIMIT_S)
    await second.send(b"still there")
    await until(lambda: len(bob.heard.links) == 4, "the message")

    assert bob.heard.links == [
        ("open", alice.node),
        ("close", alice.node),
        ("open", alice.node),
        ("message", b"still there"),
    ]
    await first.aclose()
    await second.aclose()


async def test_the_end_of_the_peers_server_ends_the_link(alice: Machine, bob: Machine) -> None:
    link = await alice.client.link(bob.node, "/link")
    await bob.server.stop(LIMIT_S)

    await asyncio.wait_for(link.closed(), LIMIT_S)
    assert bob.heard.links[-1] == ("close", alice.node)
    with pytest.raises(PeerRefused):
        await alice.client.link(bob.node, "/link")


async def test_the_end_of_the_client_is_told_to_the_peer(alice: Machine, bob: Machine) -> None:
    link = await alice.client.link(bob.node, "/link")
    await alice.client.close()

    await until(lambda: bob.heard.links[-1] == ("close", alice.node), "the end is told")
    await asyncio.wait_for(link.closed(), LIMIT_S)


async def test_a_message_that_is_too_long_costs_the_link(alice: Machine, bob: Machine) -> None:
    link = await alice.client.link(bob.node, "/link")
    await link.send(b"x" * (SMALL_BYTES + 1))

    await asyncio.wait_for(link.closed(), LIMIT_S)
    await until(lambda: bob.heard.links == [("open", alice.node), ("close", alice.node)], "the end is told")


async def test_a_callback_that_fails_costs_the_link_only(alice: Machine, bob: Machine) -> None:
    link = await alice.client.link(bob.node, "/link")
    with capture_logs() as logged:
        await link.send(b"bug")
        await asyncio.wait_for(link.closed(), LIMIT_S)
        await until(lambda: bob.heard.links[-1] == ("close", alice.node), "the end is told")

    assert [entry["event"] for entry in logged] == ["a link failed"]
    again = await alice.client.link(bob.node, "/link")
    await again.aclose()


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/echo", 405), ("/endless", 200)])
async def test_a_path_without_links(alice: Machine, bob: Machine, path: str, status: int) -> None:
    with pytest.raises(PeerAnswered) as caught:
        await alice.client.link(bob.node, path)

    assert caught.value.status == status


async def test_a_request_where_links_are(alice: Machine, bob: Machine) -> None:
    with pytest.raises(PeerAnswered) as caught:
        await alice.client.post(bob.node, "/link", b"", timeout_s=LIMIT_S)

    assert caught.value.status == 426


async def test_a_link_is_also_cut_by_forgetting_a_removed_member(alice: Machine, bob: Machine) -> None:
    link = await alice.client.link(bob.node, "/link")
    alice.client.forget(bob.node)
    await link.send(b"x")
    await until(lambda: len(bob.heard.links) == 2, "a link is in use")
    del alice.members[bob.node]
    alice.client.forget(bob.node)

    await asyncio.wait_for(link.closed(), LIMIT_S)
