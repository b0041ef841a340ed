"""What the front door needs of `peers.transport`."""

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from typing import Protocol

from corral.peers.ids import NodeId


class RelayedResponse(Protocol):
    """An answer as it comes."""

    @property
    def status(self) -> int: ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Its bytes. Raises PeerError."""

    async def aclose(self) -> None:
        """Closing early cuts the connection, which cancels the work behind it."""


class Peers(Protocol):
    """`transport.client.PeerClient` is the real one."""

    async def open(
        self,
        node: NodeId,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: bytes | AsyncIterable[bytes],
        connect_timeout_s: float,
        idle_timeout_s: float | None,
    ) -> RelayedResponse:
        """Returns when the answer has begun. Raises PeerError."""
