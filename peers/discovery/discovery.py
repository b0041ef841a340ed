"""Finds the machines on the LAN and is found by them, whatever the network does meanwhile."""

import asyncio
import contextlib
import logging
import random
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from zeroconf import Zeroconf
from zeroconf.asyncio import AsyncServiceInfo

from corral.peers.address import Address
from corral.peers.discovery.address_book import AddressBook, Candidate
from corral.peers.discovery.announcement import (
    SERVICE_TYPE,
    Announcement,
    cluster_hash,
    encode,
    instance_name,
)
from corral.peers.discovery.dns import POINTER
from corral.peers.discovery.interfaces import Choice, announced_addresses, choose
from corral.peers.discovery.mdns import Mdns
from corral.peers.discovery.neighbours import Neighbours
from corral.peers.discovery.network_facts import network_interfaces, why_no_multicast
from corral.peers.discovery.status import DiscoveryStatus
from corral.peers.discovery.timing import Asking, Retrying, Settling, Timing
from corral.peers.ids import ClusterId, NodeId
from corral.peers.waking_clock import waking_clock

_LOG = logging.getLogger(__name__)
_MOST_REMEMBERED: Final = 8  # conflicts and unreadable announcements


class Discovery:
    """Announces this machine, listens to the others and keeps `book`. `now` in the book is the `waking_clock`.

    `on_change` is called in the loop when someone came, left, started anew or has other addresses. `pin` names an interface
    (or its address) to use instead of choosing.
    """

    def __init__(
        self,
        announcement: Announcement,
        *,
        on_change: Callable[[], None],
        pin: str | None = None,
        timing: Timing = Timing(),  # noqa: B008 - frozen
    ) -> None:
        self.book = AddressBook(announcement.node)
        self.mdns = Mdns()
        self._own = announcement
        self._on_change = on_change
        self._pin = pin
        self._timing = timing
        self._asking = Asking(timing, random.uniform)
        self._settling = Settling(timing.settle_s)
        self._retrying = Retrying(timing)
        self._choice = Choice()
        self._complete = True
        self._forbidden: str | None = None
        self._tested_at = float("-inf")
        self._heard_at: float | None = None
        self._conflicts: dict[str, None] = {}
        self._unreadable: dict[str, None] = {}
        self._nudge = asyncio.Event()
        self._look_now = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._neighbours = Neighbours(
            announcement.node,
            on_seen=self._seen,
            on_gone=self._gone,
            on_heard=self._heard,
            on_unreadable=self._could_not_read,
        )
        self.mdns.when_open(self._listen)

    async def start(self) -> None:
        """Begin; returns once the interfaces were looked at, also where there is no network. Never raises for the network's sake."""
        await self._look(waking_clock())
        self._tasks = [
            asyncio.create_task(self._watch(), name="discovery: interfaces"),
            asyncio.create_task(self._ask(), name="discovery: asking"),
        ]

    async def stop(self) -> None:
        """Say goodbye and end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        try:
            await self.mdns.close()
        except (OSError, TimeoutError) as error:
            _LOG.warning("no goodbye to the LAN: %s", error)

    def set_role(self, router: bool) -> None:
        """The router asks more often who is there."""
        self._asking.set_router(router, waking_clock())
        self._nudge.set()

    async def set_cluster(self, cluster: ClusterId | None) -> None:
        """Tell from now on that this machine belongs to this cluster, or to none."""
        self._own = replace(self._own, cluster=None if cluster is None else cluster_hash(cluster))
        await self._announce()

    def wake(self) -> None:
        """The machine woke up, or the network changed: look and ask at once. It is noticed without this too, within seconds."""
        self._asking.soon(waking_clock())
        self._nudge.set()
        self._look_now.set()

    def candidates(self) -> tuple[Candidate, ...]:
        """Every machine known of."""
        return self.book.candidates()

    def own_addresses(self) -> tuple[str, ...]:
        """The addresses that this machine announces, the best first; IPv6 ones without scope."""
        return announced_addresses(self._choice.used)

    def status(self) -> DiscoveryStatus:
        """For people who wonder why nobody is found."""
        return DiscoveryStatus(
            interfaces=self._choice,
            sockets=self.mdns.sockets,
            problem=self._problem(),
            heard_at=self._heard_at,
            conflicts=tuple(self._conflicts),
            unreadable=tuple(self._unreadable),
        )

    def _problem(self) -> str | None:
        if not self._choice.used:
            return "there is no network to find other machines on"
        return self.mdns.problem or self._forbidden

    def _listen(self, zeroconf: Zeroconf) -> None:
        zeroconf.async_add_listener(self._neighbours, None)

    async def _watch(self) -> None:
        """Look at the interfaces again and again; one late look means that the machine slept."""
        while True:
            before = waking_clock()
            wait_s = self._timing.settle_s if self._settling.unsettled else self._timing.look_s
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._look_now.wait()
            self._look_now.clear()
            now = waking_clock()
            if now - before > wait_s + self._timing.asleep_s:
                self.wake()
            await self._look(now)

    async def _look(self, now: float) -> None:
        try:
            found = await asyncio.to_thread(network_interfaces)
        except OSError as error:
            _LOG.warning("the system does not tell its network interfaces: %s", error)
            return
        choice = choose(found, self._pin)
        used_none = not self._settling.current
        changed = self._settling.see(choice.used, now, at_once=used_none)
        if not self._settling.unsettled:
            self._choice = choice
        if changed or (not self._complete and now >= self._retrying.not_before):
            await self._use(now)
        if changed or now - self._tested_at >= self._timing.test_s:
            self._tested_at = now
            self._forbidden = await asyncio.to_thread(why_no_multicast, self._choice.used)

    async def _use(self, now: float) -> None:
        used = self._choice.used
        self._neighbours.only_scope = used[0].index if len(used) == 1 else None
        await self._announce()  # before there are sockets: those that open announce what is registered
        self._complete = await self.mdns.use(used)
        if self._complete:
            self._retrying.worked()
        else:
            self._retrying.failed(now)
            _LOG.warning("machines on the LAN may not be found: %s", self.mdns.problem)
        await self._announce()
        self._asking.soon(waking_clock())
        self._nudge.set()
        self._on_change()

    async def _announce(self) -> None:
        addresses = self.own_addresses()
        if addresses:
            await self.mdns.announce(_service(self._own, addresses))

    async def _ask(self) -> None:
        """Ask who is there. Without this, two halves of a network that start apart would never meet."""
        while True:
            now = waking_clock()
            self._asking.machines = len(self.book.candidates())
            if self._asking.due(now):
                self.mdns.ask((SERVICE_TYPE, POINTER))
                if self.mdns.zeroconf is not None:
                    self._neighbours.read_again(self.mdns.zeroconf)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, self._asking.next_at() - now)):
                    await self._nudge.wait()
            self._nudge.clear()

    def _seen(self, announcement: Announcement, addresses: tuple[Address, ...]) -> None:
        if announcement.node == self._own.node:
            if announcement.boot != self._own.boot:
                where = ", ".join(str(address) for address in addresses)
                _note(
                    self._conflicts,
                    f"another machine at {where} has this one's identity; was its folder copied?",
                )
            return
        if self.book.hear(announcement, addresses, waking_clock()):
            self._on_change()

    def _gone(self, node: NodeId) -> None:
        if self.book.leave(node):
            self._on_change()

    def _heard(self) -> None:
        self._heard_at = time.time()

    def _could_not_read(self, name: str, why: str) -> None:
        _note(self._unreadable, f"{name[:70]!r}: {why}")


def _note(notes: dict[str, None], text: str) -> None:
    """Keep the latest few."""
    notes.pop(text, None)
    notes[text] = None
    if len(notes) > _MOST_REMEMBERED:
        del notes[next(iter(notes))]


def _service(announcement: Announcement, addresses: Sequence[str]) -> AsyncServiceInfo:
    families = {address: socket.AF_INET6 if ":" in address else socket.AF_INET for address in addresses}
    return AsyncServiceInfo(
        SERVICE_TYPE,
        instance_name(announcement.node),
        port=announcement.peer_port,
        properties=encode(announcement),
        server=f"{announcement.node.lower()}.local.",
        addresses=[socket.inet_pton(family, address) for address, family in families.items()],
    )
