"""The body of an answer that is no JSON document and no chat: sounds, subtitles, events of other routes, as they come."""

from corral.app.gateway.meter import Meter
from corral.app.upstream.errors import UpstreamError
from corral.app.upstream.response import UpstreamResponse


class RawBody:
    """Closing it closes the connection, which cancels the work there."""

    def __init__(self, response: UpstreamResponse, meter: Meter) -> None:
        self._response = response
        self._meter = meter
        self._first: bytes | None = None

    async def begin(self) -> None:
        """Wait for the first piece. Raises UpstreamError."""
        self._first = await self._response.piece()

    def __aiter__(self) -> "RawBody":
        return self

    async def __anext__(self) -> bytes:
        """Raises UpstreamError: there is no other way to tell than to cut the client's connection too."""
        piece, self._first = self._first, None
        try:
            if piece is None:
                piece = await self._response.piece()
        except UpstreamError as error:
            self._meter.failed(error.code, error.message)
            raise
        if piece:
            return piece
        await self.aclose()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """The end, or the client has left."""
        try:
            await self._response.aclose()
        finally:
            self._meter.ended()
