"""A peer's answer while it comes."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Final

import aiohttp

from corral.peers.ids import NodeId
from corral.peers.transport.errors import PeerAnsweredTooMuch, PeerBroke, PeerTimeout

LOST: Final = (aiohttp.ClientError, OSError)  # what aiohttp raises when a connection ends


_NEVER_SENT: Final = "Cannot write to closing transport"  # aiohttp's words


def was_never_sent(error: BaseException) -> bool:
    """Whether a kept connection was found closed when the first byte of a request was about to be written."""
    told = (error, error.__cause__)
    return any(
        isinstance(each, aiohttp.ClientConnectionResetError) and str(each) == _NEVER_SENT for each in told
    )


def lower_case(headers: Mapping[str, str]) -> dict[str, str]:
    """Lower-case names; repeated headers are joined with ", " (RFC 9110 §5.3)."""
    joined: dict[str, str] = {}
    for name, value in headers.items():
        name = name.lower()
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


class PeerResponse:
    """Status and headers at once, the body as it comes. To be read to its end or closed."""

    def __init__(self, node: NodeId, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        self.headers = lower_case(response.headers)
        self._node = node
        self._response = response

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes; the peer is slowed down to the reader's pace. Raises PeerBroke and PeerTimeout.

        Cancelling the reader closes the answer.
        """
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except asyncio.CancelledError:
            await self.aclose()
            raise
        except TimeoutError as error:
            await self.aclose()
            raise PeerTimeout(self._node, "its answer stopped coming") from error
        except LOST as error:
            await self.aclose()
            raise PeerBroke(self._node, "the connection ended in the middle of its answer") from error

    async def read(self, most_bytes: int) -> bytes:
        """All of the body. Raises PeerAnsweredTooMuch, PeerBroke and PeerTimeout."""
        got = bytearray()
        async for chunk in self.chunks():
            got += chunk
            if len(got) > most_bytes:
                await self.aclose()
                raise PeerAnsweredTooMuch(self._node, most_bytes)
        return bytes(got)

    async def aclose(self) -> None:
        """What hasn't come yet isn't wanted: cuts the connection at once, which cancels the peer's work."""
        connection = self._response.connection  # None once the end of the body came
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        self._response.close()
