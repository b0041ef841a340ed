"""The multicast DNS sockets of this process, and nothing of what is said over them. A thin shell around zeroconf.

Opening never fails for good: without a network, a free port 5353 or permission there is a `problem`, and the next `use` tries
again. Whoever speaks over it is told when it is open.
"""

import asyncio
import errno
from collections.abc import Callable, Sequence

from zeroconf import Error, IPVersion, ServiceInfo, Zeroconf
from zeroconf.asyncio import AsyncZeroconf

from corral.peers.discovery.dns import DNSRecord, query, response
from corral.peers.discovery.interfaces import NetworkInterface, sockets_for

_CLOSES_IN_S = 3.0


class Mdns:
    """At most one set of sockets, on the interfaces that `use` was last told."""

    def __init__(self) -> None:
        self.problem: str | None = None
        self._aio: AsyncZeroconf | None = None
        self._used: tuple[tuple[str, int], ...] = ()
        self._on_open: list[Callable[[Zeroconf], None]] = []
        self._announcing: set[asyncio.Task[object]] = set()

    @property
    def zeroconf(self) -> Zeroconf | None:
        """What is open, for listeners; None while nothing is."""
        return self._aio.zeroconf if self._aio is not None else None

    @property
    def sockets(self) -> int:
        """How many sockets can send: one for each interface and protocol."""
        return len(self._aio.zeroconf.engine.senders) if self._aio is not None else 0

    def when_open(self, tell: Callable[[Zeroconf], None]) -> None:
        """Call this once it is open: now, or as soon as it is."""
        self._on_open.append(tell)
        if self._aio is not None:
            tell(self._aio.zeroconf)

    async def use(self, interfaces: Sequence[NetworkInterface]) -> bool:
        """Have sockets on these interfaces and no others; true if all are there. What is registered is announced anew there."""
        wanted = sockets_for(interfaces)
        try:
            if self._aio is None:
                await self._open()
            await self._reconcile(wanted, interfaces)
        except (OSError, RuntimeError, Error) as error:
            self.problem = _explained(error)
            return False
        complete = self.sockets >= len(wanted)
        self.problem = None if complete else "some network addresses can't be used for multicast yet"
        return complete

    async def announce(self, info: ServiceInfo) -> None:
        """Register the service, or what is new of it, and announce it three times from now on."""
        if self._aio is None:
            return
        if self._aio.zeroconf.registry.async_get_info_name(info.name.lower()) is not None:
            done = await self._aio.async_update_service(info)
        else:
            done = await self._aio.async_register_service(info, cooperating_responders=True)
        task = asyncio.ensure_future(done)
        self._announcing.add(task)
        task.add_done_callback(self._announcing.discard)

    async def announced(self) -> None:
        """Wait until all that was announced is out: half a second after `announce`."""
        await asyncio.gather(*self._announcing, return_exceptions=True)

    def ask(self, *questions: tuple[str, int]) -> None:
        """Send one query for these (name, record type)."""
        if self._aio is not None:
            self._aio.zeroconf.async_send(query(*questions))

    def say(self, *records: DNSRecord) -> None:
        """Send these records to everyone, once."""
        if self._aio is not None and records:
            self._aio.zeroconf.async_send(response(*records))

    async def close(self) -> None:
        """Say goodbye for all that is registered and close the sockets."""
        aio, self._aio = self._aio, None
        self._used = ()
        for task in self._announcing:
            task.cancel()
        await asyncio.gather(*self._announcing, return_exceptions=True)
        if aio is not None:
            async with asyncio.timeout(_CLOSES_IN_S):
                await aio.async_close()

    async def _open(self) -> None:
        """Without interfaces at first: then one that fails does no harm to the others."""
        try:
            aio = AsyncZeroconf(interfaces=[], ip_version=IPVersion.All)
        except OSError as error:
            if error.errno not in (errno.EAFNOSUPPORT, errno.ENOPROTOOPT):
                raise
            aio = AsyncZeroconf(interfaces=[], ip_version=IPVersion.V4Only)
        try:
            await aio.zeroconf.async_wait_for_start()
        except BaseException:
            await aio.async_close()
            raise
        self._aio = aio
        for tell in self._on_open:
            tell(aio.zeroconf)

    async def _reconcile(self, wanted: tuple[str, ...], interfaces: Sequence[NetworkInterface]) -> None:
        assert self._aio is not None
        numbers = {address: each.index for each in interfaces for address in (*each.ipv4, *each.ipv6)}
        used = tuple((address, numbers[address]) for address in wanted)
        moved = {address for address, _ in set(self._used) - set(used)}
        if moved & set(wanted):  # the same address on another card: its old socket is deaf
            await self._aio.async_update_interfaces([each for each in wanted if each not in moved])
        await self._aio.async_update_interfaces(list(wanted))
        self._used = used


def _explained(error: Exception) -> str:
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.EADDRINUSE:
        return "another program holds UDP port 5353 for itself; end it or let it share the port"
    if code in (errno.EACCES, errno.EPERM):
        return "the system forbids multicast; allow UDP port 5353 for Corral in the firewall"
    return f"multicast can't be opened: {error}"
