"""How this machine gets into another cluster: by asking, which a fresh machine does by itself, with a code, or with a token."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from corral.app.cluster.errors import CantBeDone, CantJoin
from corral.app.cluster.front_doors import FRONT_PORT, Door, doors_of
from corral.app.cluster.knocking import ClusterInfo, Knocking
from corral.peers.address import Address, BadAddress
from corral.peers.cluster.cluster_file import ClusterIdentity, decode_cluster
from corral.peers.cluster.rank import Standing, may_ask, takes_in
from corral.peers.identity.certificate import Certificate
from corral.peers.identity.identity import Identity
from corral.peers.ids import NodeId
from corral.peers.in_step import next_step_s
from corral.peers.pairing.errors import PairingError
from corral.peers.pairing.newcomer import AskingNewcomer, CodeNewcomer, Joined, Newcomer, TokenNewcomer
from corral.peers.pairing.token import Token
from corral.peers.transport.errors import PeerError

WELCOME_PATH = "/peer/welcome"
_LOOK_S = 2.0
_FOUND_TRIES = 20  # for a wish: discovery takes a moment after a start
_FOUND_AGAIN_S = 0.5
_AGAIN_S = 30.0
_INFO_S = 5.0  # each machine knows by itself which cluster it is of
_WELCOME_TRIES = 30
_WELCOME_AGAIN_S = 0.5
_WELCOME_S = 5.0
_LOG = structlog.get_logger(__name__)

Admittance = tuple[ClusterIdentity, Joined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How somebody wants this machine to join. Nothing set: by asking whoever is found."""

    token: str | None = None
    code: str | None = None
    host: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JoiningStatus:
    """How far it is."""

    state: str  # asking, waiting, joining, failed
    cluster_name: str | None = None
    code: str | None = None
    error: str | None = None


class Members(Protocol):
    """What this needs of `transport.PeerClient`."""

    async def post(self, node: NodeId, path: str, body: bytes, *, timeout_s: float) -> bytes: ...


class Joining:
    """Keep `run` running. What it needs of the rest is asked for anew each time."""

    def __init__(
        self,
        *,
        identity: Identity,
        name: str,
        own: Callable[[], Standing],
        doors: Callable[[], Sequence[Door]],
        members: Members,
        on_joined: Callable[[ClusterIdentity, Joined], Awaitable[None]],
        automatic: bool,
    ) -> None:
        """`on_joined` gets the cluster to belong to and who let this machine in, and starts the node anew; `automatic`: a fresh machine asks by itself."""
        self._identity = identity
        self._name = name
        self._own = own
        self._doors = doors
        self._members = members
        self._on_joined = on_joined
        self._automatic = automatic
        self._wishes: asyncio.Queue[Wish] = asyncio.Queue(1)
        self._wished = asyncio.Event()  # set while there is one
        self._busy = False
        self._host: Joined | None = None
        self.status: JoiningStatus | None = None

    def begin(self, wish: Wish) -> None:
        """Join as somebody wishes. Raises CantBeDone, PairingError for a token or code that can't be right."""
        if self._busy or not self._wishes.empty():
            raise CantBeDone("this machine is joining a cluster already; see `corral cluster status`")
        if wish.token is not None:
            Token.parse(wish.token)
        if wish.code is not None:
            CodeNewcomer(identity=self._identity, name=self._name, code=wish.code)
        self.status = JoiningStatus(state="asking")
        self._wishes.put_nowait(wish)
        self._wished.set()

    def certificate(self, node: NodeId) -> Certificate | None:
        """That of the machine which let this one in, until it is a member."""
        return self._host.certificate if self._host is not None and self._host.host == node else None

    def addresses(self, node: NodeId) -> Sequence[Address]:
        """Where that machine may be."""
        return self._host.addresses if self._host is not None and self._host.host == node else ()

    async def run(self) -> None:
        """Until this machine joined another cluster, or cancelled."""
        while True:
            try:
                async with asyncio.timeout(next_step_s(_LOOK_S)):
                    wish: Wish | None = await self._wishes.get()
            except TimeoutError:
                wish = None
            self._wished.clear()
            if wish is None and not (self._automatic and may_ask(self._own())):
                continue
            self._busy = wish is not None
            try:
                joined = await self._attempt(wish)
            except (PairingError, CantJoin, BadAddress) as error:
                await self._failed(error, wanted=wish is not None)
            else:
                if joined is not None:
                    await self._on_joined(*joined)
                    return
            finally:
                self._busy = False

    async def _failed(self, error: Exception, *, wanted: bool) -> None:
        _LOG.info("joining failed", error=str(error))
        self.status = replace(
            self.status or JoiningStatus(state="failed"), state="failed", code=None, error=str(error)
        )
        if not wanted:
            retry_after_s = getattr(error, "retry_after_s", None)
            await self._wait_for_wish(retry_after_s or _AGAIN_S)

    async def _wait_for_wish(self, seconds: float) -> None:
        """A person needn't wait for the pause of what the machine does by itself."""
        try:
            async with asyncio.timeout(seconds):
                await self._wished.wait()
        except TimeoutError:
            return

    async def _attempt(self, wish: Wish | None) -> Admittance | None:
        found = self._doors()
        if wish is None and not found:
            self.status = None
            return None
        async with Knocking() as knocking:
            if wish is None:
                return await self._ask_by_itself(knocking, found)
            if wish.token is not None:
                return await self._with_token(knocking, found, wish.token)
            door, info = await self._wished_door(knocking, wish.host)
            if wish.code is not None:
                newcomer: Newcomer = CodeNewcomer(identity=self._identity, name=self._name, code=wish.code)
                return await self._join(knocking, door, newcomer, info.name)
            return await self._ask(knocking, door, info)

    async def _ask_by_itself(self, knocking: Knocking, found: Sequence[Door]) -> Admittance | None:
        """Of the clusters that take this one in the highest ranked; None: there is none. Between established ones a person has to choose."""
        best: tuple[Door, ClusterInfo] | None = None
        seen = await self._seen(knocking, found)
        if len(choices := [each for each in seen if not may_ask(each[1].standing)]) > 1:
            raise _several(choices)
        for door, info in seen:
            above = self._own() if best is None else best[1].standing
            if takes_in(info.standing, above):
                best = door, info
        if best is None:
            self.status = None
            return None
        return await self._ask(knocking, *best)

    async def _seen(self, knocking: Knocking, found: Sequence[Door]) -> list[tuple[Door, ClusterInfo]]:
        """All at once: who says that there are very many others keeps nobody waiting."""
        seen: list[tuple[Door, ClusterInfo]] = []
        for door, info in zip(
            found, await asyncio.gather(*(_info(knocking, each) for each in found)), strict=True
        ):
            if info is not None and info.cluster not in {self._own().id, *(each.cluster for _, each in seen)}:
                seen.append((door, info))
        return seen

    async def _wished_door(self, knocking: Knocking, host: str | None) -> tuple[Door, ClusterInfo]:
        if host is not None:
            door = Door(address=Address.parse(host, default_port=FRONT_PORT))
            return door, await knocking.info(door)
        seen = await self._seen_soon(knocking)
        if not seen:
            raise CantJoin(
                "no other cluster is found on this network; name one of its machines: corral cluster join --host NAME"
            )
        if len(seen) > 1:
            raise _several(seen)
        return seen[0]

    async def _seen_soon(self, knocking: Knocking) -> list[tuple[Door, ClusterInfo]]:
        for _ in range(_FOUND_TRIES):
            if seen := await self._seen(knocking, self._doors()):
                return seen
            await asyncio.sleep(_FOUND_AGAIN_S)
        return []

    async def _with_token(self, knocking: Knocking, found: Sequence[Door], text: str) -> Admittance:
        token = Token.parse(text)
        hints = [Door(address=address) for address in token.hints]
        failure: CantJoin | PairingError | None = None
        for door in [*hints, *doors_of(found, token.cluster)]:  # those that were found may be anybody's
            newcomer = TokenNewcomer(identity=self._identity, name=self._name, token=token)
            try:
                return await self._join(knocking, door, newcomer, None)
            except (CantJoin, PairingError) as error:
                failure = error if not isinstance(failure, PairingError) else failure
        raise failure or CantJoin(
            "no machine of the token's cluster is found on this network; add --host NAME"
        )

    async def _ask(self, knocking: Knocking, door: Door, info: ClusterInfo) -> Admittance:
        newcomer = AskingNewcomer(identity=self._identity, name=self._name)
        return await self._join(knocking, door, newcomer, info.name)

    def _show(self, newcomer: Newcomer, cluster_name: str | None) -> None:
        code = newcomer.code if isinstance(newcomer, AskingNewcomer) else None
        shown = JoiningStatus(
            state="asking" if code is None else "waiting", cluster_name=cluster_name, code=code
        )
        if shown != self.status:
            self.status = shown
            _LOG.info("joining", cluster=cluster_name, code=code, state=shown.state)

    async def _join(
        self, knocking: Knocking, door: Door, newcomer: Newcomer, cluster_name: str | None
    ) -> Admittance:
        await knocking.converse(door, newcomer, on_step=lambda: self._show(newcomer, cluster_name))
        joined = newcomer.joined
        assert joined is not None, "it is over, and no error was raised"
        self.status = JoiningStatus(state="joining", cluster_name=joined.cluster_name)
        self._host = joined
        try:
            return await self._welcomed(joined), joined
        finally:
            self._host = None

    async def _welcomed(self, joined: Joined) -> ClusterIdentity:
        """What members know of their cluster, over a connection that both sides prove."""
        failure = "it doesn't answer"
        for _ in range(_WELCOME_TRIES):
            try:
                body = await self._members.post(joined.host, WELCOME_PATH, b"", timeout_s=_WELCOME_S)
                cluster = decode_cluster(body)
            except (PeerError, ValueError) as error:
                failure = str(error)
                await asyncio.sleep(_WELCOME_AGAIN_S)
                continue
            if cluster.id != joined.cluster or not cluster.introduced:
                raise CantJoin("the machine that let this one in speaks of another cluster")
            return cluster
        raise CantJoin(f"this machine was let in, but can't reach the peer port of the other ({failure})")


async def _info(knocking: Knocking, door: Door) -> ClusterInfo | None:
    try:
        async with asyncio.timeout(_INFO_S):
            return await knocking.info(door)
    except (CantJoin, TimeoutError) as error:
        _LOG.debug("a front door doesn't answer", error=str(error))
        return None


def _several(seen: Sequence[tuple[Door, ClusterInfo]]) -> CantJoin:
    names = ", ".join(f"{info.name} at {door.address.host}" for door, info in seen)
    return CantJoin(f"there are several clusters ({names}); choose one: corral cluster join --host NAME")
