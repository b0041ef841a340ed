"""Runs an elector: gives it time, what members say and what happens to connections, and carries out what it wants."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog

from corral.peers.election.effects import Effect, Persist, Probe, Send
from corral.peers.election.elector import Elector
from corral.peers.election.messages import ClaimRef, Message
from corral.peers.ids import NodeId

_EARLIEST_S: Final = 0.005  # a tick is never sooner after the one before
_LOG = structlog.get_logger(__name__)


class HeartLinks(Protocol):
    """How messages get out; all of it returns at once."""

    def send_election(self, to: NodeId, message: Message) -> None: ...

    def dial_now(self, peer: NodeId) -> None: ...


class Heart:
    """What it wants is done in its order: a term is on disk before anything that is sent after it."""

    def __init__(
        self,
        *,
        elector: Elector,
        clock: Callable[[], float],
        links: HeartLinks,
        persist: Callable[[int], None],
        on_step: Callable[[], None],
    ) -> None:
        """`clock` counts sleep; `persist` may block and raise OSError; `on_step` is called whenever something may have changed."""
        self.elector = elector
        self._clock = clock
        self._links = links
        self._persist = persist
        self._on_step = on_step
        self._waiting: deque[Effect] = deque()  # what comes after a term that is being written
        self._writing = False
        self._due = 0.0  # when the next tick is planned
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            now = self._clock()
            self.do(self.elector.tick(now))
            await self._write_terms()
            await self._pause()

    def hear(self, peer: NodeId, message: Message) -> None:
        """A member said something."""
        self.do(self.elector.hear(peer, message, self._clock()))

    def lost(self, peer: NodeId) -> None:
        """The link to a member closed."""
        self.do(self.elector.lost(peer, self._clock()))

    def refused(self, peer: NodeId) -> None:
        """A member's port refused a connection."""
        self.do(self.elector.refused(peer, self._clock()))

    def accepts(self, claim: ClaimRef) -> bool:
        """Whether to obey a command given under this claim."""
        accepted = self.elector.accepts(claim, self._clock())
        self.do([])
        return accepted

    @property
    def is_router(self) -> bool:
        """Whether this machine may act as the router now: to be asked for each request."""
        return self.elector.is_router(self._clock())

    def do(self, effects: Sequence[Effect]) -> None:
        """Carry out what the elector wants."""
        for effect in effects:
            if self._waiting or self._writing or isinstance(effect, Persist):
                self._waiting.append(effect)
            else:
                self._carry_out(effect)
        self._on_step()
        if self._waiting or self.elector.next_wake(self._clock()) < self._due:
            self._wake.set()

    def _carry_out(self, effect: Send | Probe) -> None:
        if isinstance(effect, Send):
            self._links.send_election(effect.to, effect.message)
        else:
            self._links.dial_now(effect.to)

    async def _write_terms(self) -> None:
        while self._waiting:
            effect = self._waiting.popleft()
            if not isinstance(effect, Persist):
                self._carry_out(effect)
                continue
            self._writing = True
            try:
                await asyncio.to_thread(self._persist, effect.max_term)
            except OSError as error:
                # Serving on is worth more: the term is lost only if this machine crashes too, and then the others tell it.
                _LOG.error("the election term can't be written to disk", error=str(error))
            finally:
                self._writing = False

    async def _pause(self) -> None:
        now = self._clock()
        self._due = max(self.elector.next_wake(now), now + _EARLIEST_S)
        self._wake.clear()
        timer = asyncio.get_running_loop().call_later(self._due - now, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()
