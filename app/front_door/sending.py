"""What a client has got of its answer."""

from collections.abc import Awaitable, Callable
from typing import Any

from corral.app.front_door.wire import Headers


class Sending:
    """An ASGI `send` that knows how far the answer is."""

    def __init__(self, send: Callable[[Any], Awaitable[None]]) -> None:
        self._send = send
        self.started = False
        self.finished = False

    async def __call__(self, message: Any) -> None:
        """One message of ASGI. Returns when the client is ready for more."""
        if message["type"] == "http.response.start":
            self.started = True
        elif message["type"] == "http.response.body" and not message.get("more_body", False):
            self.finished = True
        await self._send(message)

    async def start(self, status: int, headers: Headers) -> None:
        """The beginning."""
        await self({"type": "http.response.start", "status": status, "headers": list(headers)})

    async def body(self, piece: bytes, *, more: bool) -> None:
        """The next piece, or with `more` false the last."""
        await self({"type": "http.response.body", "body": piece, "more_body": more})
