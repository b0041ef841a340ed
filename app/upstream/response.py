"""The answer of a server elsewhere, however it was asked."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping

from corral.app.upstream.errors import UpstreamAnsweredTooMuch


class UpstreamResponse(ABC):
    """Status and headers (names in lower case) at once, the body as it comes. To be read to its end or closed."""

    def __init__(self, name: str, status: int, headers: Mapping[str, str]) -> None:
        """`name` is the server's, for errors."""
        self.status = status
        self.headers = headers
        self._name = name

    @abstractmethod
    async def piece(self) -> bytes:
        """What has come of the body, as soon as there is something; empty at its end.

        A reader that is cancelled may go on. Raises UpstreamBroke and UpstreamTimeout.
        """

    @abstractmethod
    async def piece_within(self, wait_s: float) -> bytes | None:
        """As `piece`, but None if nothing comes for so long: whoever reads watches the time. Raises UpstreamBroke."""

    @abstractmethod
    async def aclose(self) -> None:
        """What hasn't come yet isn't wanted: cuts the connection at once, which cancels the work there."""

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes. Leaving it early closes the answer. Raises UpstreamBroke and UpstreamTimeout."""
        try:
            while piece := await self.piece():
                yield piece
        finally:
            await self.aclose()

    async def read(self, most_bytes: int) -> bytes:
        """All of the body. Raises UpstreamAnsweredTooMuch, UpstreamBroke and UpstreamTimeout."""
        got: list[bytes] = []
        size = 0
        try:
            while piece := await self.piece():
                got.append(piece)
                size += len(piece)
                if size > most_bytes:
                    raise UpstreamAnsweredTooMuch(f"{self._name} answered with more than {most_bytes} bytes")
        finally:
            await self.aclose()
        return b"".join(got)
