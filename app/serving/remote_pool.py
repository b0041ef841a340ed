"""A peer's models as a pool: the request goes there over the peer port, the events come back."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from typing import NoReturn, Protocol

from corral.app.serving import infer_wire as wire
from corral.app.serving.errors import PeerFailed, StaleRouter
from corral.engines.errors import error_from_code
from corral.engines.events import Done, Event, Failed
from corral.engines.frames import FrameError
from corral.engines.model import ModelStatus
from corral.engines.requests import Request
from corral.peers.ids import NodeId
from corral.peers.transport.client import PeerClient
from corral.peers.transport.errors import PeerBroke, PeerError, PeerUnreachable
from corral.peers.transport.response import PeerResponse

IDLE_TIMEOUT_S = 15.0  # three keep-alives of the peer
CONNECT_TIMEOUT_S = 2.0  # a request may be many connections
_END_S = 1.0  # from the last event to the end of the answer; else the connection is not used again
_MOST_REFUSAL_BYTES = 64 * 1024
_MOST_MESSAGE = 2000
_OK, _NOT_FOUND = 200, 404


class Models(Protocol):
    """What a peer said of its models."""

    def models(self) -> tuple[ModelStatus, ...]: ...

    def find(self, name: str) -> ModelStatus | None: ...


class RemotePool:
    """The pool of one peer, as `engines.pool.ModelPool` is the one of this machine."""

    def __init__(
        self,
        *,
        node: NodeId,
        name: Callable[[], str],
        client: PeerClient,
        models: Models,
        claim: Callable[[], str],
        idle_timeout_s: float = IDLE_TIMEOUT_S,
    ) -> None:
        """`name` is what people call the machine; `claim` this router's right to ask, TERM.ROUTER."""
        self._node = node
        self._name = name
        self._client = client
        self._models = models
        self._claim = claim
        self._idle_timeout_s = idle_timeout_s
        self._not_begun: set[asyncio.Timeout] = set()
        self._in_flight = 0
        self._ended_at = float("-inf")  # on the loop's clock

    def quiet_s(self) -> float:
        """For how long nothing has run there for this node; 0 while something does."""
        return 0.0 if self._in_flight else asyncio.get_running_loop().time() - self._ended_at

    def models(self) -> tuple[ModelStatus, ...]:
        """As the peer said last."""
        return self._models.models()

    def find(self, name: str) -> ModelStatus | None:
        """In any of the ways to write a name that the peer understands."""
        return self._models.find(name)

    async def answer(self, name: str, request: Request) -> AsyncGenerator[Event, None]:
        """The events of one request, up to and with Done. Closing the generator closes the connection, which cancels.

        Raises the EngineError that the peer's pool raised, PeerFailed or StaleRouter.
        """
        call = wire.encode_call(wire.InferCall(model=name, request=request))
        with self._failures(), self._counted():
            async with self._opened(call) as response, aclosing(_events(response)) as events:
                with self._until_lost() as until_lost:
                    async with until_lost:
                        event = await anext(events, None)
                while event is not None:
                    if type(event) is Failed:
                        raise error_from_code(event.code, event.message[:_MOST_MESSAGE], event.param)
                    yield event
                    if type(event) is Done:
                        return
                    event = await anext(events, None)
        raise PeerFailed(f"{self._name()} broke its answer off; try again")

    def lost(self) -> None:
        """The peer seems to be gone: answers that have not begun fail now, so that others can give them."""
        now = asyncio.get_running_loop().time()
        for waiting in self._not_begun:
            waiting.reschedule(now)

    @asynccontextmanager
    async def _opened(self, call: bytes) -> AsyncIterator[PeerResponse]:
        with self._until_lost() as until_lost:
            async with until_lost:
                try:
                    response = await self._open(call)
                except (
                    PeerBroke
                ):  # perhaps a kept connection that was closed meanwhile: nothing has been answered
                    self._client.forget(self._node)
                    response = await self._open(call)
        try:
            if response.status != _OK:
                await self._refuse(response)
            yield response
        finally:
            await response.aclose()

    async def _open(self, call: bytes) -> PeerResponse:
        return await self._client.open(
            self._node,
            "POST",
            wire.PATH,
            headers={"content-type": "application/msgpack", wire.CLAIM_HEADER: self._claim()},
            body=call,
            connect_timeout_s=CONNECT_TIMEOUT_S,
            idle_timeout_s=self._idle_timeout_s,
        )

    async def _refuse(self, response: PeerResponse) -> NoReturn:
        refusal = wire.decode_refusal(await response.read(_MOST_REFUSAL_BYTES))
        if refusal is not None and refusal.code == StaleRouter.code:
            raise StaleRouter("this machine is no longer the router; try again")
        if refusal is not None:
            raise error_from_code(refusal.code, refusal.message[:_MOST_MESSAGE], refusal.param)
        if response.status == _NOT_FOUND:
            raise PeerFailed(f"{self._name()} runs a version of Corral that can't answer others; update it")
        raise PeerFailed(f"{self._name()} answered with status {response.status}")

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1
            self._ended_at = asyncio.get_running_loop().time()

    @contextmanager
    def _until_lost(self) -> Iterator[asyncio.Timeout]:
        timeout = asyncio.timeout(None)
        self._not_begun.add(timeout)
        try:
            yield timeout
        except TimeoutError as error:
            raise PeerFailed(f"{self._name()} is not there any more") from error
        finally:
            self._not_begun.discard(timeout)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except PeerUnreachable as error:
            raise PeerFailed(f"{self._name()} can't be reached; is it switched on?") from error
        except (PeerError, FrameError) as error:
            raise PeerFailed(f"{self._name()} failed while it answered; try again") from error


async def _events(response: PeerResponse) -> AsyncGenerator[Event, None]:
    """Up to Done or Failed, which come when the answer has ended: so the connection is free for the next one."""
    reader = wire.FrameReader()
    chunks = response.chunks()
    async for chunk in chunks:
        for event in reader.feed(chunk):
            if isinstance(event, Done | Failed):
                await _read_to_end(chunks)
                yield event
                return
            yield event


async def _read_to_end(chunks: AsyncIterator[bytes]) -> None:
    with suppress(TimeoutError, PeerError):
        async with asyncio.timeout(_END_S):
            async for _ in chunks:
                pass
