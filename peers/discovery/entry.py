"""What the address book holds about one machine."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from corral.peers.address import Address
from corral.peers.discovery.announcement import Announcement

MOST_ADDRESSES: Final = 12


class Source(StrEnum):
    """Who named an address."""

    MDNS = "mdns"
    REMEMBERED = "remembered"  # from before the last start
    GOSSIP = "gossip"  # from another member
    MANUAL = "manual"  # from a person
    PROVEN = "proven"  # the machine itself came or answered from there


@dataclass(frozen=True, slots=True)
class KnownAddress:
    """One address of a machine: who named it last, when, and when the machine proved its key there, if ever."""

    address: Address
    source: Source
    heard_at: float
    proven_at: float | None


@dataclass(slots=True)
class Entry:
    """One machine. Holds at most `MOST_ADDRESSES` addresses; unproven ones make room first, the oldest before others."""

    addresses: dict[Address, KnownAddress] = field(default_factory=dict)
    announcement: Announcement | None = None
    heard_at: float = float("-inf")
    probed_at: float = float("-inf")
    changed: bool = True  # said something new since its key was proven

    @property
    def proven(self) -> bool:
        """Whether it proved its key at any of its present addresses."""
        return any(each.proven_at is not None for each in self.addresses.values())

    def announce(self, announcement: Announcement, addresses: Sequence[Address], now: float) -> bool:
        """It announced itself: what it announced before is gone; true if that is news."""
        before = self.announcement, set(self.addresses)
        for known in list(self.addresses.values()):
            if known.source is Source.MDNS and known.address not in addresses:
                self._unname(known)
        for address in addresses[:MOST_ADDRESSES]:
            self.add(address, Source.MDNS, now)
        self.announcement = announcement
        news = before != (announcement, set(self.addresses))
        self.changed = self.changed or news
        return news

    def withdraw(self) -> bool:
        """Its announcement is gone, with the addresses that only that named; true if there was one."""
        for known in list(self.addresses.values()):
            if known.source is Source.MDNS:
                self._unname(known)
        had, self.announcement = self.announcement, None
        return had is not None

    def add(self, address: Address, source: Source, now: float) -> None:
        """Someone named this address."""
        known = self.addresses.get(address)
        self._keep(KnownAddress(address, source, now, known.proven_at if known else None))

    def prove(self, address: Address, now: float) -> None:
        """It proved its key there."""
        known = self.addresses.get(address)
        self._keep(KnownAddress(address, known.source if known else Source.PROVEN, now, now))
        self.changed = False

    def drop(self, address: Address) -> None:
        """Another machine proved to be there."""
        self.addresses.pop(address, None)

    def ranked(self) -> tuple[KnownAddress, ...]:
        """Proven ones first, then those named last."""
        return tuple(sorted(self.addresses.values(), key=_promise, reverse=True))

    def _keep(self, known: KnownAddress) -> None:
        self.addresses[known.address] = known
        if len(self.addresses) > MOST_ADDRESSES:
            del self.addresses[min(self.addresses.values(), key=_promise).address]

    def _unname(self, known: KnownAddress) -> None:
        """One where its key was proven stays, as a last known address."""
        if known.proven_at is None:
            del self.addresses[known.address]
        else:
            self.addresses[known.address] = replace(known, source=Source.REMEMBERED)


def _promise(known: KnownAddress) -> tuple[float, float, Address]:
    proven = known.proven_at if known.proven_at is not None else float("-inf")
    return proven, known.heard_at, known.address
