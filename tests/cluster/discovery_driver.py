"""A machine that only discovers and says the cluster's name: run on a host of the LAN, tells what it knows as JSON lines, does what stdin says.

python -m tests.cluster.discovery_driver '{"node": "A…", "boot": "…", "cluster": "…"}'
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import msgspec

from corral.peers.cluster_name.claim import Claim
from corral.peers.cluster_name.publisher import ClusterName
from corral.peers.discovery.address_book import Candidate
from corral.peers.discovery.announcement import Announcement, cluster_hash
from corral.peers.discovery.discovery import Discovery
from corral.peers.discovery.timing import Timing
from corral.peers.ids import ClusterId, NodeId

# Real proportions, but a test doesn't wait half a minute for a query.
QUICK = Timing(
    look_s=0.3, settle_s=0.2, ask_router_s=(1.0, 1.2), ask_other_s=(2.0, 2.2), retry_s=(0.2, 1.0), test_s=1.0
)
SELDOM = replace(QUICK, ask_other_s=(3600.0, 3600.0), burst_s=(0.0,))


class Settings(msgspec.Struct, frozen=True):
    """What the command line says."""

    node: str
    boot: str
    cluster: str = "0" * 32
    pin: str | None = None
    seldom: bool = False  # asks so seldom that only what is heard counts
    friends: tuple[str, ...] = ()  # addresses of members


def say(event: str, **details: Any) -> None:
    """One line for the test that watches."""
    print(json.dumps({"event": event, "at": time.monotonic(), **details}), flush=True)


def shown(candidate: Candidate) -> dict[str, Any]:
    """A candidate as the tests read it."""
    announcement = candidate.announcement
    return {
        "node": candidate.node,
        "boot": announcement.boot if announcement else None,
        "cluster": announcement.cluster if announcement else None,
        "hosts": [known.address.host for known in candidate.addresses],
    }


def discovery_of(settings: Settings) -> Discovery:
    """Discovery that tells each change as a line."""
    announcement = Announcement(
        version=1,
        node=NodeId(settings.node),
        boot=settings.boot,
        cluster=cluster_hash(ClusterId(settings.cluster)),
        peer_port=32769,
        front_port=32768,
    )

    def tell() -> None:
        say("known", candidates=[shown(each) for each in discovery.candidates()])

    discovery = Discovery(
        announcement, on_change=tell, pin=settings.pin, timing=SELDOM if settings.seldom else QUICK
    )
    return discovery


async def commands() -> AsyncIterator[list[str]]:
    """The lines of stdin as words, until it says stop or ends."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while (words := (await reader.readline()).decode().split()) and words[0] != "stop":
        yield words
    transport.close()


def name_of(settings: Settings, discovery: Discovery) -> ClusterName:
    """The cluster's name over the same sockets; tells found names and strangers as lines."""

    def tell_strangers() -> None:
        say("strangers", strangers=name.status().strangers)

    name = ClusterName(
        discovery.mdns,
        node=NodeId(settings.node),
        cluster=ClusterId(settings.cluster),
        port=32768,
        is_friend=lambda address: address in settings.friends or address in discovery.own_addresses(),
        on_label=lambda label: say("label", label=label),
        on_change=tell_strangers,
    )
    return name


async def main() -> None:
    """Discover until stdin says stop or ends."""
    settings = msgspec.json.decode(sys.argv[1], type=Settings)
    discovery = discovery_of(settings)
    await discovery.start()
    name = name_of(settings, discovery)
    await name.start()
    if settings.seldom:
        await discovery.mdns.announced()
    say("started")
    async for line in commands():
        if line[0] == "router":
            discovery.set_role(True)
        elif line[0] in ("claim", "takeover"):  # LABEL [addresses of a standby]
            settled = line[0] == "takeover"
            standbys = (tuple(line[2:]),) if line[2:] else ()
            router = discovery.own_addresses()
            name.publish(Claim(label=line[1], settled=settled, router=router, standbys=standbys))
        elif line[0] == "release":
            name.publish(None)
        elif line[0] == "name":
            said = name.status()
            say("name", label=said.label, addresses=said.addresses, strangers=said.strangers)
        elif line[0] == "wake":
            discovery.wake()
        elif line[0] == "cluster":
            await discovery.set_cluster(ClusterId(line[1]))
        elif line[0] == "status":
            status = discovery.status()
            say(
                "status",
                used=[each.name for each in status.interfaces.used],
                skipped={each.name: each.reason for each in status.interfaces.skipped},
                sockets=status.sockets,
                problem=status.problem,
                heard=status.heard_at is not None,
                conflicts=status.conflicts,
                unreadable=status.unreadable,
            )
    await name.stop()
    await discovery.stop()
    say("stopped")


if __name__ == "__main__":
    asyncio.run(main())
