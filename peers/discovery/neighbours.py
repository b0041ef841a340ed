"""Listens to what others announce by multicast DNS, reads it and reports it. Keeps nothing."""

import ipaddress
from collections.abc import Callable, Sequence

from zeroconf import RecordUpdate, RecordUpdateListener, Zeroconf
from zeroconf.asyncio import AsyncServiceInfo

from corral.peers.address import Address
from corral.peers.discovery.announcement import (
    SERVICE_TYPE,
    Announcement,
    BadAnnouncement,
    decode,
    instance_name,
)
from corral.peers.discovery.dns import DNSAddress, DNSPointer, DNSService, DNSText
from corral.peers.discovery.interfaces import MOST_ADDRESSES
from corral.peers.ids import NodeId

MOST_AT_ONCE = 64  # services read for one packet
_SUFFIX = f".{SERVICE_TYPE}"


class Neighbours(RecordUpdateListener):
    """Hears the records of one zeroconf; calls back in its loop, once the records of a packet are all there."""

    def __init__(
        self,
        own: NodeId,
        *,
        on_seen: Callable[[Announcement, tuple[Address, ...]], None],
        on_gone: Callable[[NodeId], None],
        on_heard: Callable[[], None],
        on_unreadable: Callable[[str, str], None],
    ) -> None:
        self._own = own
        self._own_name = instance_name(own).lower()
        self._on_seen = on_seen
        self._on_gone = on_gone
        self._on_heard = on_heard
        self._on_unreadable = on_unreadable
        self._zeroconf: Zeroconf | None = None
        self._named: dict[str, None] = {}
        self.only_scope: int | None = (
            None  # of link-local addresses that came over IPv4, if there is one interface
        )

    def async_update_records(self, zc: Zeroconf, now: float, records: list[RecordUpdate]) -> None:
        """Note whose records come; they can't be read before all are there."""
        self._zeroconf = zc
        for update in records:
            record = update.new
            if isinstance(record, DNSPointer) and record.name.lower() == SERVICE_TYPE:
                if record.is_expired(now):
                    self._tell_gone(record.alias)
                else:
                    self._note(record.alias)
            elif isinstance(record, DNSService | DNSText):
                self._note(record.name)
            elif isinstance(record, DNSAddress):
                for service in zc.cache.async_entries_with_server(record.name):
                    self._note(service.name)
        if any(name.lower() != self._own_name for name in self._named):
            self._on_heard()

    def async_update_records_complete(self) -> None:
        """Read what the packet named."""
        named, self._named = self._named, {}
        for name in named:
            self._read(name)

    def read_again(self, zc: Zeroconf) -> None:
        """Read all that is still valid: an address that a machine no longer has is gone from its records by then."""
        self._zeroconf = zc
        for record in zc.cache.async_entries_with_name(SERVICE_TYPE):
            if isinstance(record, DNSPointer):
                self._note(record.alias)
        self.async_update_records_complete()

    def _note(self, name: str) -> None:
        if name.lower().endswith(_SUFFIX) and len(self._named) < MOST_AT_ONCE:
            self._named[name] = None

    def _tell_gone(self, instance: str) -> None:
        self._named.pop(instance, None)
        node = NodeId(instance.lower().removesuffix(_SUFFIX).upper())
        if node != self._own:
            self._on_gone(node)

    def _read(self, name: str) -> None:
        if self._zeroconf is None:
            return
        info = AsyncServiceInfo(SERVICE_TYPE, name)
        if not info.load_from_cache(self._zeroconf):
            return  # part of it is missing; the next query brings it
        try:
            announcement = decode(name, info.properties)
        except BadAnnouncement as wrong:
            self._on_unreadable(name, str(wrong))
            return
        self._on_seen(announcement, self._addresses(info.parsed_scoped_addresses(), announcement.peer_port))

    def _addresses(self, texts: Sequence[str], port: int) -> tuple[Address, ...]:
        usable = (usable_host(text, self.only_scope) for text in texts)
        return tuple(Address(host, port) for host in usable if host is not None)[:MOST_ADDRESSES]


def usable_host(literal: str, only_scope: int | None) -> str | None:
    """The address as it can be connected to, or None: no multicast, loopback or link-local one of an unknown interface."""
    address = ipaddress.ip_address(literal)
    if address.is_multicast or address.is_loopback or address.is_unspecified:
        return None
    if address.version == 6 and address.is_link_local and "%" not in literal:
        return f"{literal}%{only_scope}" if only_scope else None
    return literal
