"""Whether the machines that this one remembers answer, while no node runs that could tell."""

import asyncio
import errno
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from corral.app.doctor.finding import Finding, ok, warning
from corral.app.paths import DataDir
from corral.app.settings_table import Settings
from corral.peers.address import Address

_TRY_S = 2.0
_MOST_TRIED = 64
_MOST_BYTES = 1024 * 1024
_MOST_SHOWN = 4
_PEER_PORT = 32769


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressFacts:
    """What became of a connection to each address: None, or why there was none."""

    tried: Mapping[str, str | None]


def gather_addresses(settings: Settings, folder: DataDir) -> AddressFacts:
    """Try all of them at once. Takes two seconds at most."""
    known = [*settings.peers, *_added(folder.added_peers), *_remembered(folder.addresses)]
    addresses = [each for each in map(_parsed, dict.fromkeys(known)) if each is not None]
    return AddressFacts(tried=asyncio.run(_tried(addresses[:_MOST_TRIED])))


def judge_addresses(facts: AddressFacts) -> list[Finding]:
    """One finding, or none if no other machine is known."""
    if not facts.tried:
        return []
    answered = [address for address, error in facts.tried.items() if error is None]
    if answered:
        return [ok("machines", f"at {_listed(answered)} something answers; start the node to know who")]
    reasons = _listed([f"{address}: {error}" for address, error in facts.tried.items()])
    what = f"no other machine answers where it was last ({reasons})"
    remedy = (
        "They may be off. Else see to cable or Wi-Fi, an access point's client isolation, and firewalls (TCP port "
        f"{_PEER_PORT})."
    )
    return [warning("machines", what, remedy)]


async def _tried(addresses: Sequence[Address]) -> dict[str, str | None]:
    outcomes = await asyncio.gather(*(_why_not(each) for each in addresses))
    return {str(address): outcome for address, outcome in zip(addresses, outcomes, strict=True)}


async def _why_not(address: Address) -> str | None:
    try:
        async with asyncio.timeout(_TRY_S):
            _, writer = await asyncio.open_connection(address.host, address.port)
    except TimeoutError:
        return "doesn't answer"
    except OSError as error:
        return "refuses connections" if error.errno == errno.ECONNREFUSED else _explained(error)
    writer.transport.abort()
    return None


def _explained(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)


def _listed(texts: Sequence[str]) -> str:
    return "; ".join(texts[:_MOST_SHOWN]) + (" …" if len(texts) > _MOST_SHOWN else "")


def _parsed(text: str) -> Address | None:
    try:
        return Address.parse(text, default_port=_PEER_PORT)
    except ValueError:
        return None


def _added(file: Path) -> Sequence[str]:
    try:
        return msgspec.json.decode(file.read_bytes()[:_MOST_BYTES], type=list[str])
    except (OSError, msgspec.DecodeError):
        return ()


def _remembered(file: Path) -> Sequence[str]:
    try:
        book = msgspec.json.decode(file.read_bytes()[:_MOST_BYTES], type=dict[str, list[str]])
    except (OSError, msgspec.DecodeError):
        return ()
    return [address for addresses in book.values() for address in addresses]
