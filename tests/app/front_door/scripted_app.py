"""An ASGI application on the router's side that notes what it is asked, and answers when the test says so."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

JSON = (b"content-type", b"application/json")
EVENTS = (b"content-type", b"text/event-stream")


@dataclass(kw_only=True)
class Script:
    """`pieces` are sent once `go` is set, the last one only once `end` is."""

    pieces: list[bytes] = field(default_factory=lambda: [b"{}"])
    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=lambda: [JSON])
    go: asyncio.Event = field(default_factory=asyncio.Event)
    end: asyncio.Event = field(default_factory=asyncio.Event)
    endless: bool = False
    scopes: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    sent: int = 0  # pieces
    cancelled: int = 0
    running: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        self.running += 1
        try:
            await self._answer(receive, send)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1

    async def _answer(self, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            more = message["more_body"]
        self.bodies.append(body)
        await self.go.wait()
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        for piece in self.pieces[:-1]:
            await self._piece(send, piece)
        while self.endless:
            await self._piece(send, self.pieces[0])
        await self.end.wait()
        await send({"type": "http.response.body", "body": self.pieces[-1], "more_body": False})

    async def _piece(self, send: Any, piece: bytes) -> None:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        self.sent += 1


def ready(**fields: Any) -> Script:
    """One that answers at once."""
    script = Script(**fields)
    script.go.set()
    script.end.set()
    return script
