"""Reading a model from one of the machines that have it."""

from collections.abc import Callable

from corral.app.model_copy.errors import BadManifest, SourceFailed, SourceLied
from corral.app.model_copy.file_route import MANIFEST, PATH
from corral.app.model_copy.http_range import Span
from corral.app.model_copy.manifest import (
    MAX_MANIFEST_BYTES,
    Manifest,
    ModelSum,
    Piece,
    decode_manifest,
)
from corral.app.model_copy.throttle import Throttle
from corral.peers.ids import NodeId
from corral.peers.transport.client import PeerClient
from corral.peers.transport.errors import PeerError

IDLE_TIMEOUT_S = 10.0  # a machine that is silent for so long is not waited for
_CONNECT_S = 2.0
_OK, _PARTIAL = 200, 206


class PeerSource:
    """Asks members. `throttle` bounds what comes from all of them together."""

    def __init__(
        self, *, client: PeerClient, throttle: Throttle, idle_timeout_s: float = IDLE_TIMEOUT_S
    ) -> None:
        self._client = client
        self._throttle = throttle
        self._idle_timeout_s = idle_timeout_s

    async def manifest(self, source: NodeId, id: ModelSum) -> Manifest:
        """What the model is. Raises SourceFailed, SourceLied."""
        try:
            response = await self._client.open(
                source,
                "GET",
                f"{PATH}{id}{MANIFEST}",
                connect_timeout_s=_CONNECT_S,
                idle_timeout_s=self._idle_timeout_s,
            )
            try:
                _expect(response.status, _OK)
                return decode_manifest(await response.read(MAX_MANIFEST_BYTES), id)
            finally:
                await response.aclose()
        except BadManifest as error:
            raise SourceLied(str(error)) from error
        except PeerError as error:
            raise SourceFailed(str(error)) from error

    async def piece(
        self, source: NodeId, id: ModelSum, piece: Piece, *, wanted: Callable[[int], bool]
    ) -> bytearray | None:
        """The bytes of a piece, not checked yet; `wanted` hears how many have come, and None comes back when it says no.

        Raises SourceFailed.
        """
        span = Span(piece.start, piece.start + piece.size_bytes)
        got = bytearray()
        try:
            response = await self._client.open(
                source,
                "GET",
                f"{PATH}{id}",
                headers={"range": f"bytes={span.start}-{span.end - 1}"},
                connect_timeout_s=_CONNECT_S,
                idle_timeout_s=self._idle_timeout_s,
            )
            try:
                _expect(response.status, _PARTIAL)
                async for chunk in response.chunks():
                    got += chunk
                    if len(got) > piece.size_bytes:
                        raise SourceFailed("it sent more than was asked of it")
                    if not wanted(len(got)):
                        return None
                    await self._throttle.take(len(chunk))
            finally:
                await response.aclose()
        except PeerError as error:
            raise SourceFailed(str(error)) from error
        if len(got) != piece.size_bytes:
            raise SourceFailed("it sent less than was asked of it")
        return got


def _expect(status: int, wanted: int) -> None:
    if status != wanted:
        raise SourceFailed(f"it answered with status {status}")
