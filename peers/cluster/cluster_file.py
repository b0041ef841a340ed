"""Which cluster this machine belongs to, in a file of its own: id, name, key. Losing it means leaving the cluster."""

import base64
import secrets
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from corral.peers.ids import ClusterId
from corral.peers.private_file import write_private

DEFAULT_NAME: Final = "corral"
KEY_BYTES: Final = 32
_ID_BYTES = 16


class ClusterFileError(Exception):
    """The file can't be used; the message says what to do."""


class ClusterIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster as each of its members knows it."""

    id: Annotated[ClusterId, Meta(pattern=r"^[0-9a-f]{32}\Z")]
    name: Annotated[str, Meta(min_length=1, max_length=63)]  # as it was founded; a later name is replicated
    key: str  # base64 of 32 bytes; seals secrets that are replicated
    founded_at: float  # Unix time, seconds
    introduced: tuple[
        str, ...
    ] = ()  # certificates (PEM) of members, told at joining; count until the ledger has its own

    @property
    def key_bytes(self) -> bytes:
        return base64.b64decode(self.key)

    def encoded(self) -> bytes:
        """For `decode_cluster`. It holds the key."""
        return msgspec.json.encode(self)


def found_cluster(*, now: float, name: str = DEFAULT_NAME) -> ClusterIdentity:
    """A new cluster that nobody else belongs to. `now` is Unix time."""
    return ClusterIdentity(
        id=ClusterId(secrets.token_hex(_ID_BYTES)),
        name=name,
        key=base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode(),
        founded_at=now,
    )


def load_cluster(path: Path, *, now: float) -> ClusterIdentity:
    """The cluster of the file; a new one is founded if there is none. Blocks. Raises ClusterFileError, OSError."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        cluster = found_cluster(now=now)
        write_cluster(path, cluster)
        return cluster
    return _decoded(content, path)


def write_cluster(path: Path, cluster: ClusterIdentity) -> None:
    """Belong to this cluster from the next start on. Blocks; raises OSError."""
    write_private(path, cluster.encoded())


def decode_cluster(content: bytes) -> ClusterIdentity:
    """A cluster as a member tells it. Raises ValueError."""
    cluster = msgspec.json.decode(content, type=ClusterIdentity)
    if len(cluster.key_bytes) != KEY_BYTES:
        raise ValueError("the cluster's key has the wrong length")
    return cluster


def _decoded(content: bytes, path: Path) -> ClusterIdentity:
    try:
        return decode_cluster(content)
    except ValueError as error:  # msgspec's errors are ValueErrors too
        raise ClusterFileError(
            f"{path} is damaged ({error}). Put back a copy of it, or move it away: then this machine is on its own "
            "and has to be paired with the others again."
        ) from error
