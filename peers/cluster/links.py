"""Keeps a link to each member open: dials, dials again, and sends what is to be said."""

import asyncio
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from corral.peers.cluster.redial import pause_s
from corral.peers.ids import NodeId
from corral.peers.transport.errors import PeerError, PeerNotTrusted, PeerNowhere, PeerRefused, PeerUnreachable

LINK_PATH: Final = "/peer/link"
_MOST_WAITING = 256  # messages to one member; the oldest are dropped: heartbeats say it all again
_LOG = structlog.get_logger(__name__)


class OpenLink(Protocol):
    """What this needs of `transport`'s Link."""

    async def send(self, message: bytes) -> None: ...

    async def closed(self) -> None: ...

    async def aclose(self) -> None: ...


class Dialler(Protocol):
    """What this needs of `transport.PeerClient`."""

    async def link(self, node: NodeId, path: str) -> OpenLink: ...


class LinkObserver(Protocol):
    """Hears of links; every method returns at once."""

    def link_opened(self, peer: NodeId) -> None: ...

    def link_lost(self, peer: NodeId) -> None: ...

    def link_refused(self, peer: NodeId) -> None: ...


@dataclass(frozen=True, slots=True)
class Dialled:
    """What became of the last try to reach a member. `kind`: reached, refused, unreachable, not_trusted, broken."""

    kind: str
    error: str | None = None


class Links:
    """The outgoing links of this machine."""

    def __init__(self, *, dialler: Dialler, observer: LinkObserver) -> None:
        self._dialler = dialler
        self._observer = observer
        self._links: dict[NodeId, _MemberLink] = {}
        self._closed = False

    def set_members(self, peers: Collection[NodeId]) -> None:
        """Keep links to these, and to nobody else. Once closed there are none any more."""
        if self._closed:
            return
        for peer in [each for each in self._links if each not in peers]:
            self._links.pop(peer).cancel()
        for peer in peers:
            if peer not in self._links:
                self._links[peer] = _MemberLink(peer, self._dialler, self._observer)

    def is_open(self, peer: NodeId) -> bool:
        """Whether what is sent now goes out."""
        return peer in self._links and self._links[peer].open

    def dialled(self, peer: NodeId) -> Dialled | None:
        """How the last try to reach a member ended; None: none was made, or the first is under way."""
        return self._links[peer].dialled if peer in self._links else None

    def send(self, peer: NodeId, message: bytes) -> None:
        """Say something if the link is open; else it is lost."""
        if peer in self._links:
            self._links[peer].send(message)

    def dial_now(self, peer: NodeId) -> None:
        """There is reason to think that it can be reached: don't wait for the next try."""
        if peer in self._links:
            self._links[peer].dial_now()

    def renew(self, peer: NodeId, *, older_than_s: float) -> None:
        """Drop a link that seems dead, and dial again; not one that was opened just now."""
        if peer in self._links:
            self._links[peer].renew(older_than_s=older_than_s)

    async def close(self) -> None:
        """Close all of them, for good."""
        self._closed = True
        links = list(self._links.values())
        self._links.clear()
        for each in links:
            each.cancel()
        await asyncio.gather(*(each.ended() for each in links))


class _MemberLink:
    def __init__(self, peer: NodeId, dialler: Dialler, observer: LinkObserver) -> None:
        self.open = False
        self.dialled: Dialled | None = None
        self._peer = peer
        self._dialler = dialler
        self._observer = observer
        self._waiting: deque[bytes] = deque(maxlen=_MOST_WAITING)
        self._something = asyncio.Event()
        self._now = asyncio.Event()
        self._renewed = asyncio.Event()
        self._failures = 0
        self._opened_at = 0.0
        self._task = asyncio.create_task(self._run(), name=f"link to {peer[:8]}")

    def send(self, message: bytes) -> None:
        if self.open:
            self._waiting.append(message)
            self._something.set()

    def dial_now(self) -> None:
        self._failures = 0
        self._now.set()

    def renew(self, *, older_than_s: float) -> None:
        if self.open and asyncio.get_running_loop().time() - self._opened_at > older_than_s:
            self._renewed.set()

    def cancel(self) -> None:
        self._task.cancel()

    async def ended(self) -> None:
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            self._now.clear()
            try:
                link = await self._dialler.link(self._peer, LINK_PATH)
            except PeerError as error:
                self._failed(error)
            else:
                self._failures = 0
                self.dialled = Dialled("reached")
                await self._use(link)
            await self._pause()

    def _failed(self, error: PeerError) -> None:
        self.dialled = None if isinstance(error, PeerNowhere) else Dialled(_kind(error), str(error))
        if isinstance(error, PeerRefused):
            self._observer.link_refused(self._peer)
        else:
            _LOG.debug("member not reached", peer=self._peer, error=str(error))

    async def _pause(self) -> None:
        self._failures += 1
        try:
            async with asyncio.timeout(pause_s(self._failures)):
                await self._now.wait()
        except TimeoutError:
            return

    async def _use(self, link: OpenLink) -> None:
        self._waiting.clear()
        self._renewed.clear()
        self.open = True
        self._opened_at = asyncio.get_running_loop().time()
        self._observer.link_opened(self._peer)
        sender = asyncio.create_task(self._send_all(link))
        ends = [
            sender,
            asyncio.create_task(link.closed()),
            asyncio.create_task(self._renewed.wait()),
        ]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.open = False
            for each in ends:
                each.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
            await link.aclose()
        self._observer.link_lost(self._peer)

    async def _send_all(self, link: OpenLink) -> None:
        """Returns when the link can't be used any more."""
        while True:
            await self._something.wait()
            self._something.clear()
            while self._waiting:
                try:
                    await link.send(self._waiting.popleft())
                except PeerError:
                    return


def _kind(error: PeerError) -> str:
    if isinstance(error, PeerRefused):
        return "refused"
    if isinstance(error, PeerUnreachable):
        return "unreachable"
    return "not_trusted" if isinstance(error, PeerNotTrusted) else "broken"
