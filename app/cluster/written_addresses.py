"""Addresses of other machines that people wrote: in the setting `peers`, and with `corral peers add`. The latter are in a file."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
import structlog

from corral.app.cluster.errors import CantBeDone, NoSuchAddress
from corral.peers.address import Address, BadAddress
from corral.peers.discovery.address_book import MOST_MANUAL
from corral.peers.private_file import write_private

PEER_PORT = 32769
_MOST_BYTES = 64 * 1024
_LOG = structlog.get_logger(__name__)


class WrittenAddresses:
    """`open` it before use."""

    def __init__(self, *, file: Path, settings: Sequence[str]) -> None:
        """`settings` are the texts of the setting `peers`."""
        self._file = file
        self._given = tuple(_parsed(settings))
        self._added: tuple[Address, ...] = ()

    async def open(self) -> None:
        """Read the file. One that can't be used is told, and counts as empty."""
        self._added = await asyncio.to_thread(_read, self._file)

    @property
    def all(self) -> tuple[Address, ...]:
        """Each once, those of the settings first."""
        return tuple(dict.fromkeys((*self._given, *self._added)))

    async def add(self, address: Address) -> None:
        """Keep one more for good. Raises CantBeDone."""
        if address in self.all:
            return
        if len(self.all) >= MOST_MANUAL:
            raise CantBeDone(
                f"{MOST_MANUAL} addresses are noted already; `corral peers remove` takes one out"
            )
        await self._keep((*self._added, address))

    async def remove(self, address: Address) -> None:
        """Forget one. Raises NoSuchAddress, CantBeDone."""
        if address not in self._added:
            if address in self._given:
                raise CantBeDone("it stands in the setting `peers`; take it out there")
            raise NoSuchAddress
        await self._keep(tuple(each for each in self._added if each != address))

    async def _keep(self, addresses: tuple[Address, ...]) -> None:
        content = msgspec.json.encode([str(each) for each in addresses])
        try:
            await asyncio.to_thread(write_private, self._file, content)
        except OSError as error:
            raise CantBeDone("nothing was changed: the data folder can't be written; make room") from error
        self._added = addresses


def _parsed(texts: Sequence[str]) -> list[Address]:
    """What can't be read is told and left out."""
    read: list[Address] = []
    for text in texts:
        try:
            read.append(Address.parse(text, default_port=PEER_PORT))
        except BadAddress as error:
            _LOG.warning("the setting peers", error=str(error))
    return read


def _read(file: Path) -> tuple[Address, ...]:
    try:
        texts = msgspec.json.decode(file.read_bytes()[:_MOST_BYTES], type=list[str])
    except FileNotFoundError:
        return ()
    except (OSError, msgspec.DecodeError) as error:
        _LOG.warning("the addresses that were added can't be read; add them again", error=str(error))
        return ()
    read = (Address.read(text) for text in texts[:MOST_MANUAL])
    return tuple(each for each in read if each is not None)
