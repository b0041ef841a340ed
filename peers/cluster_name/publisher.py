"""Says the cluster's name on the LAN while this machine is the router, and watches it on every machine."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from zeroconf import RecordUpdate, RecordUpdateListener, Zeroconf
from zeroconf.asyncio import AsyncServiceInfo

from corral.peers.cluster_name.claim import (
    DEFAULT_LABEL,
    PROBE_EVERY_S,
    PROBES,
    TTL_S,
    Claim,
    addresses_of,
    gives_way,
    host_name,
    next_announcement_s,
    next_label,
    own_addresses,
    withdrawn,
)
from corral.peers.cluster_name.strangers import Strangers
from corral.peers.discovery.announcement import cluster_hash
from corral.peers.discovery.dns import (
    AAAA,
    A,
    DNSAddress,
    DNSRecord,
    DNSService,
    address_record,
    address_text,
    is_valid,
)
from corral.peers.discovery.mdns import Mdns
from corral.peers.ids import ClusterId, NodeId
from corral.peers.in_step import next_step_s
from corral.peers.waking_clock import waking_clock

_TYPE: Final = "_corral-name._tcp.local."  # carries which cluster says the name
_WATCH_S: Final = 1.0
_ASK_S: Final = 30.0
_REPAIR_S: Final = 1.0  # at most so often is a goodbye of others answered
_GOODBYES: Final = 3
_TRIES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class NameStatus:
    """The cluster's name as this machine sees it."""

    label: str
    addresses: tuple[str, ...]  # that this machine says for it; empty unless it is the router
    strangers: tuple[str, ...]  # addresses of no member that others say for it


class ClusterName(RecordUpdateListener):
    """`<label>.local`, over the sockets of discovery; stop it before those are closed.

    `is_friend` tells whether an address is a member's. `on_label` is called when a name was found or had to be changed: claim that
    one from then on.
    `on_change` is called when strangers came or went. All in the loop.
    """

    def __init__(
        self,
        mdns: Mdns,
        *,
        node: NodeId,
        cluster: ClusterId,
        port: int,
        is_friend: Callable[[str], bool],
        on_label: Callable[[str], None],
        on_change: Callable[[], None],
        label: str = DEFAULT_LABEL,
    ) -> None:
        self._mdns = mdns
        self._node = node
        self._cluster = cluster_hash(cluster)
        self._port = port
        self._is_friend = is_friend
        self._on_label = on_label
        self._on_change = on_change
        self._label = label
        self._given: Claim | None = None
        self._claim: Claim | None = None  # as given, or with the label that was found instead
        self._said: AsyncServiceInfo | None = None
        self._said_times = 0
        self._said_at = float("-inf")
        self._next_at = float("inf")
        self._asked_at = float("-inf")
        self._strangers = Strangers()
        self._warned: tuple[str, ...] = ()
        self._nudge = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to watch the name."""
        self._mdns.when_open(self._listen)
        self._tasks = [asyncio.create_task(self._run(), name="cluster name")]

    async def stop(self) -> None:
        """Take the name back, if this machine says it, and end."""
        self.publish(None)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._mdns.zeroconf is not None:
            self._mdns.zeroconf.async_remove_listener(self)

    def watch(self, label: str) -> None:
        """The cluster's name is this one now, whoever says it."""
        if label != self._label:
            self._label = label
            self._strangers.clear()
            self._nudge.set()

    def set_cluster(self, cluster: ClusterId) -> None:
        """This machine belongs to another cluster now."""
        self._cluster = cluster_hash(cluster)

    def publish(self, claim: Claim | None) -> None:
        """The router says so: at once if the name is settled, else as soon as it is known to be free. None: say goodbye at once."""
        if claim == self._given:
            return
        before, self._claim, self._given = self._claim, claim, claim
        if before is not None and (claim is None or claim.label != self._label):
            self._withdraw(before)
        if claim is not None:
            self.watch(claim.label)
            if claim.settled:
                self._say(claim)
        self._nudge.set()

    def status(self) -> NameStatus:
        """For the dashboard and `corral doctor`."""
        said = addresses_of(self._claim) if self._claim is not None and self._said is not None else ()
        return NameStatus(label=self._label, addresses=said, strangers=self._warned)

    def async_update_records(self, zc: Zeroconf, now: float, records: list[RecordUpdate]) -> None:
        """Called by zeroconf for each packet: note who else says the name or takes back what we say."""
        name = host_name(self._label)
        for update in records:
            record = update.new
            if isinstance(record, DNSAddress) and record.name.lower() == name:
                self._hear(address_text(record), gone=record.is_expired(now))
            elif (
                isinstance(record, DNSService)
                and record.server.lower() == name
                and not record.is_expired(now)
            ):
                self._hear_cluster(record.name.partition("-")[0].lower())

    def async_update_records_complete(self) -> None:
        """Nothing is left to do: each record was judged by itself."""

    def _listen(self, zeroconf: Zeroconf) -> None:
        zeroconf.async_add_listener(self, None)
        if self._claim is not None and self._claim.settled:
            self._say(self._claim)

    async def _run(self) -> None:
        while True:
            self._nudge.clear()
            claim = self._claim
            if claim is not None and not claim.settled and self._mdns.zeroconf is not None:
                await self._find(claim)
            now = waking_clock()
            if self._said is not None and now >= self._next_at:
                self._announce(now)
            self._watch_strangers(now)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s()):
                    await self._nudge.wait()

    def _pause_s(self) -> float | None:
        """Until there is something to do, if nobody says anything; None: for ever."""
        dues = [] if self._said is None else [max(0.0, self._next_at - waking_clock())]
        if self._strangers or (self._claim is not None and not self._claim.settled):
            dues.append(next_step_s(_WATCH_S))
        return min(dues, default=None)

    async def _find(self, claim: Claim) -> None:
        """Ask for the name, and for the next ones while strangers answer; then say it."""
        label = claim.label
        for _ in range(_TRIES):
            self.watch(label)
            await self._ask_three_times(label)
            if self._claim is not claim:
                return
            if not self._taken(label):
                break
            label = next_label(label)
        else:
            label = f"{claim.label[:40]}-{self._cluster}"
        self.watch(label)
        self._claim = replace(claim, label=label, settled=True)
        self._say(self._claim)
        self._on_label(label)

    async def _ask_three_times(self, label: str) -> None:
        name = host_name(label)
        for _ in range(PROBES):
            self._mdns.ask((name, A), (name, AAAA))
            await asyncio.sleep(PROBE_EVERY_S)

    def _taken(self, label: str) -> bool:
        zeroconf = self._mdns.zeroconf
        records = zeroconf.cache.async_entries_with_name(host_name(label)) if zeroconf is not None else ()
        found = [record for record in records if isinstance(record, DNSAddress)]
        return any(not self._friendly(address_text(each)) for each in found if is_valid(each))

    def _say(self, claim: Claim) -> None:
        """Answer to the name from now on, and announce it three times, the first time at once."""
        zeroconf = self._mdns.zeroconf
        if zeroconf is None:
            return
        if self._said is not None:
            zeroconf.registry.async_remove(self._said)
        self._said = self._info(claim)
        zeroconf.registry.async_add(self._said)
        self._said_times = 0
        self._announce(waking_clock())

    def _announce(self, now: float) -> None:
        if self._said is not None:
            self._mdns.say(*self._said.dns_addresses(), self._said.dns_service())
            self._said_times += 1
            self._said_at = now
            self._next_at = now + next_announcement_s(self._said_times)

    def _withdraw(self, claim: Claim) -> None:
        """Not as unique records: those would also take away what a successor says."""
        said, self._said, self._next_at = self._said, None, float("inf")
        zeroconf = self._mdns.zeroconf
        if said is None or zeroconf is None:
            return
        zeroconf.registry.async_remove(said)
        name = said.server or host_name(self._label)
        goodbye: list[DNSRecord] = [address_record(name, each, ttl=0) for each in withdrawn(claim)]
        goodbye += [said.dns_service(override_ttl=0), said.dns_pointer(override_ttl=0)]
        for _ in range(_GOODBYES):
            self._mdns.say(*goodbye)

    def _hear(self, address: str, *, gone: bool) -> None:
        now = waking_clock()
        if not gone:
            self._hear_address(address, now)
        elif self._said is not None and self._claim is not None and address in addresses_of(self._claim):
            self._next_at = min(self._next_at, max(now, self._said_at + _REPAIR_S))
            self._nudge.set()

    def _hear_address(self, address: str, now: float) -> None:
        if self._friendly(address):
            return
        if not self._strangers:
            self._nudge.set()
        self._strangers.hear(address, now)

    def _hear_cluster(self, other: str) -> None:
        """Another cluster's router says our name: one of the two takes another one, here or there."""
        claim = self._claim
        if claim is None or self._said is None or other == self._cluster or len(other) != len(self._cluster):
            return
        if gives_way(self._cluster, other):
            self._withdraw(claim)
            self._claim = replace(claim, label=next_label(self._label), settled=False)
            self.watch(self._claim.label)
        else:
            self._next_at = min(self._next_at, max(waking_clock(), self._said_at + _REPAIR_S))
        self._nudge.set()

    def _watch_strangers(self, now: float) -> None:
        if self._said is not None and now - self._asked_at >= _ASK_S:
            self._asked_at = now
            self._mdns.ask((host_name(self._label), A), (host_name(self._label), AAAA))
        strangers = self._strangers.judge(self._friendly, now)
        if strangers != self._warned:
            self._warned = strangers
            self._on_change()

    def _friendly(self, address: str) -> bool:
        claim = self._claim
        ours = claim is not None and (address in addresses_of(claim) or address in own_addresses(claim))
        return ours or self._is_friend(address)

    def _info(self, claim: Claim) -> AsyncServiceInfo:
        families = {each: socket.AF_INET6 if ":" in each else socket.AF_INET for each in addresses_of(claim)}
        return AsyncServiceInfo(
            _TYPE,
            f"{self._cluster}-{self._node[:16].lower()}.{_TYPE}",
            port=self._port,
            properties={},
            server=host_name(self._label),
            addresses=[socket.inet_pton(family, each) for each, family in families.items()],
            host_ttl=TTL_S,
            other_ttl=TTL_S,
        )
