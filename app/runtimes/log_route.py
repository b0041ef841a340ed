"""What members may see of this machine's log: its newest entries, for the router."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
import orjson

from corral.app.log_reader import Wanted, newest
from corral.app.logs import LEVELS
from corral.peers.transport.route import PeerAnswer, PeerRequest, PeerRoute

PATH = "/peer/logs"
CLAIM_HEADER = "x-corral-claim"  # TERM.ROUTER, the router's right to ask
MOST_LOG_BYTES = 8 * 1024 * 1024
_MOST_ASK_BYTES = 1024
_MOST_TAIL = 5000
_JSON = {"content-type": "application/json"}


class Ask(msgspec.Struct, frozen=True):
    """How many entries, and which. Machines of earlier versions look at `tail` only."""

    tail: Annotated[int, msgspec.Meta(ge=1, le=_MOST_TAIL)]
    level: str | None = None
    request_id: str | None = None
    since: str | None = None

    @property
    def wanted(self) -> Wanted:
        level = self.level if self.level in LEVELS else None
        return Wanted(level=level, request_id=self.request_id, since=self.since)


class LogRoute:
    """Serves POST /peer/logs."""

    def __init__(
        self, *, folder: Path, accepts: Callable[[str], bool], most_bytes: int = MOST_LOG_BYTES
    ) -> None:
        """`accepts` says whether a claim (TERM.ROUTER) is not older than the one this node follows."""
        self._folder = folder
        self._accepts = accepts
        self._most_bytes = most_bytes

    def route(self) -> PeerRoute:
        """For the peer port."""
        return PeerRoute(method="POST", path=PATH, handler=self.answer, most_bytes=_MOST_ASK_BYTES)

    async def answer(self, request: PeerRequest) -> PeerAnswer:
        """`{"entries": […]}`, newest last; the older ones are left out where all would be too much."""
        if not self._accepts(request.headers.get(CLAIM_HEADER, "")):
            return PeerAnswer(status=409, body=b"this machine follows a newer router")
        try:
            ask = msgspec.json.decode(await request.read(), type=Ask)
        except msgspec.DecodeError as error:
            return PeerAnswer(status=400, body=str(error).encode())
        return PeerAnswer(headers=_JSON, body=await asyncio.to_thread(self._entries, ask))

    def _entries(self, ask: Ask) -> bytes:
        lines = [orjson.dumps(each) for each in newest(self._folder, ask.tail, ask.wanted)]
        left = self._most_bytes - len(b'{"entries":[]}')
        first = len(lines)
        while first and (left := left - len(lines[first - 1]) - 1) >= 0:
            first -= 1
        return b'{"entries":[' + b",".join(lines[first:]) + b"]}"
