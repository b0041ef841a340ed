"""An endpoint as the ledger keeps it: what people said, and what was found there."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec
import structlog

from corral.app.gateway.endpoint import EndpointId
from corral.app.upstream.server import Server, ServerKind
from corral.peers.identity.errors import BrokenSeal
from corral.peers.identity.sealing import seal, unseal
from corral.peers.replication.projection import Row

INTERVAL_S: Final = 30  # between two looks at its health
INTERVALS_S: Final = (10, 300)
TIMEOUT_S: Final = 120
LONGEST_TIMEOUT_S: Final = 86_400
MOST_WEIGHT: Final = 100.0
_LOG = structlog.get_logger(__name__)

ClusterKey = Callable[[], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRecord:
    """`wanted_kind` is what people said, `found_kind` what answered there. Times are Unix time in seconds."""

    id: str
    name: str
    base_url: str
    created_at: float
    wanted_kind: ServerKind | None = None
    found_kind: ServerKind | None = None
    api_key: str | None = field(default=None, repr=False)
    key_unreadable: bool = False  # sealed with another key than this cluster's
    health_check_interval_s: int = INTERVAL_S
    inference_timeout_s: int = TIMEOUT_S
    weight: float = 1.0
    notes: str | None = None
    enabled: bool = True
    synced_at: float | None = None
    found_slots: int | None = None  # answers at the same time, as far as it says

    @property
    def kind(self) -> ServerKind | None:
        """None: nothing answered there yet."""
        return self.wanted_kind or self.found_kind

    @property
    def server(self) -> Server:
        """As it is asked."""
        return Server(
            id=endpoint_id(self.id),
            name=self.name,
            base_url=self.base_url,
            kind=self.kind or ServerKind.OPENAI_COMPATIBLE,
            api_key=self.api_key,
            timeout_s=float(self.inference_timeout_s),
            weight=self.weight,
            slots=self.found_slots,
        )


def endpoint_id(id: str) -> EndpointId:
    """What the gateway calls the endpoint of a record."""
    return EndpointId(id)


def sealed_key(api_key: str | None, id: str, cluster_key: ClusterKey) -> str | None:
    """An endpoint's key as the ledger keeps it."""
    if not api_key:
        return None
    return base64.b64encode(seal(cluster_key(), api_key.encode(), _purpose(id))).decode()


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table."""

    name: str
    base_url: str
    created_at: float
    wanted_kind: str | None
    found_kind: str | None
    notes: str | None
    sealed_key: str | None
    enabled: bool | None
    health_check_interval_s: int | None
    inference_timeout_s: int | None
    weight: float | None
    synced_at: float | None
    found_slots: int | None


def record_of(row: Row, cluster_key: ClusterKey) -> EndpointRecord:
    """A row as a record."""
    stored = msgspec.convert(row.values, _Stored)
    key = _opened(stored.sealed_key, row.id, cluster_key)
    return EndpointRecord(
        id=row.id,
        name=stored.name,
        base_url=stored.base_url,
        created_at=stored.created_at,
        wanted_kind=_kind(stored.wanted_kind),
        found_kind=_kind(stored.found_kind),
        api_key=key,
        key_unreadable=stored.sealed_key is not None and key is None,
        health_check_interval_s=_within(stored.health_check_interval_s, INTERVALS_S, INTERVAL_S),
        inference_timeout_s=_within(stored.inference_timeout_s, (1, LONGEST_TIMEOUT_S), TIMEOUT_S),
        weight=min(MOST_WEIGHT, stored.weight) if stored.weight and stored.weight > 0 else 1.0,
        notes=stored.notes,
        enabled=stored.enabled is not False,
        synced_at=stored.synced_at,
        found_slots=stored.found_slots if stored.found_slots and stored.found_slots > 0 else None,
    )


def values_of(changes: Mapping[str, object]) -> dict[str, object]:
    """Columns as the ledger takes them."""
    return {name: value.value if isinstance(value, ServerKind) else value for name, value in changes.items()}


def _opened(sealed: str | None, id: str, cluster_key: ClusterKey) -> str | None:
    if sealed is None:
        return None
    try:
        return unseal(cluster_key(), base64.b64decode(sealed, validate=True), _purpose(id)).decode()
    except (BrokenSeal, binascii.Error, UnicodeDecodeError):
        _LOG.warning("the key of an endpoint was sealed with another key than this cluster's", endpoint=id)
        return None


def _purpose(id: str) -> str:
    return f"endpoints/{id}"


def _kind(text: str | None) -> ServerKind | None:
    try:
        return None if text is None else ServerKind(text)
    except ValueError:  # of a later version
        return ServerKind.OPENAI_COMPATIBLE


def _within(value: int | None, limits: tuple[int, int], usual: int) -> int:
    return usual if value is None else max(limits[0], min(limits[1], value))
