"""What answers plain requests, and what it is given to answer with."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from corral.app.http1.plain_request import PlainRequest


class Sink(Protocol):
    """Takes one answer: `whole`, or `begin`, any number of `piece`, `end`. A call returns when there is room for more."""

    async def whole(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """All of the answer. `headers` say nothing about its length."""

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """The answer's head. Without a content-length its pieces are sent as they come, however many."""

    async def piece(self, data: bytes) -> None:
        """More of the body; empty: nothing."""

    async def end(self) -> None:
        """The body is complete."""


Handler = Callable[[PlainRequest, Sink], Awaitable[None]]  # cancelled when the client has left
HandlerOf = Callable[[str], Handler | None]  # by path, as things are now; None: not here
