"""What the peer port offers: paths with their handlers, requests and answers."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from corral.peers.ids import NodeId

ANY: Final = "*"


class BodyTooLarge(Exception):
    """The body of a request is longer than its route takes; answered with 413."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRequest:
    """A request of a member. Its body can be read once."""

    peer: NodeId  # proven by its certificate
    method: str
    path: str  # as sent: still percent-encoded
    query: str  # without the question mark
    headers: Mapping[str, str]  # lower-case names; repeated ones are joined with ", "
    most_bytes: int
    body: AsyncIterable[bytes]

    async def read(self) -> bytes:
        """All of the body. Raises BodyTooLarge, which the server answers with 413."""
        return b"".join([chunk async for chunk in self.chunks()])

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes; the peer is slowed down to the reader's pace. Raises BodyTooLarge."""
        seen = 0
        async for chunk in self.body:
            seen += len(chunk)
            if seen > self.most_bytes:
                raise BodyTooLarge
            yield chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerAnswer:
    """An answer. A body that is an iterator is sent as it comes, and closed if the peer leaves."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | AsyncIterator[bytes] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRoute:
    """Requests to `path`, or to all below it if it ends in "/". The longest path wins, then a named method."""

    method: str  # or ANY
    path: str
    handler: Callable[[PeerRequest], Awaitable[PeerAnswer]]  # cancelled when the peer leaves
    most_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRoute:
    """Links that members open to `path`: one for each peer, a new one replaces the old.

    The callbacks run in the event loop and must not take long. One that raises costs the peer its link.
    """

    path: str
    on_open: Callable[[NodeId], None]
    on_message: Callable[[NodeId, bytes], None]
    on_close: Callable[[NodeId], None]
    most_bytes: int  # of one message
