"""One simulated machine: a disk, a clock of its own, an elector while it runs, and a look at every step it takes."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from corral.peers.election.elector import Elector
from corral.peers.election.machine import State
from corral.peers.election.messages import ALIVE, Beat, ClaimRef, Deny, Message
from corral.peers.election.preference import Preference
from corral.peers.election.rules import Rules
from corral.peers.election.timing import Timing
from corral.peers.ids import NodeId

TIMING = Timing()
REIGNS = (State.ROUTER, State.DRAINING)


class Broken(AssertionError):
    """A property doesn't hold; the message names it."""


@dataclass(slots=True)
class SimulatedNode:
    """A machine. Its clock runs `rate` times as fast as the true one and stands at `base` when that stands at zero."""

    id: NodeId
    rng: random.Random
    rules: Rules
    timing: Timing
    members: Sequence[NodeId]
    preference: Preference = field(default_factory=Preference)
    rate: float = 1.0
    base: float = 0.0
    disk: int = 0
    boots: int = 0
    elector: Elector | None = None
    asleep: bool = False
    host_up: bool = True  # else nobody refuses connections
    wake_at: float = -1.0  # in true time: when tick is due; negative if it is not planned
    inbox: list[tuple[NodeId, Message]] = field(default_factory=list)  # came while asleep
    sent: int = 0
    sent_bytes: int = 0
    listens_until: float = -1.0  # by its own clock: woken, not joined yet
    asked_to_take_over: bool = False
    reign: ClaimRef | None = None
    last_term: int = 0  # of its own claims
    followed: int = 0  # highest term it ever followed or reigned in
    followed_of: dict[NodeId, int] = field(
        default_factory=dict
    )  # the same of each router, since start or sleep
    forgetful: set[NodeId] = field(default_factory=set)  # lost their disks: their terms may begin anew
    obeyed: int = 0  # highest term it obeyed as a worker since its start

    def clock(self, now: float) -> float:
        """What its clock shows at a true time."""
        return self.base + now * self.rate

    def true_time(self, shown: float) -> float:
        """When its clock shows so much."""
        return (shown - self.base) / self.rate

    def jump(self, by_s: float) -> None:
        """Put its clock forward or back."""
        self.base += by_s
        if by_s <= -TIMING.lease:
            self.listens_until += by_s

    @property
    def runs(self) -> bool:
        """Whether it is there to hear anything."""
        return self.elector is not None and not self.asleep

    def start(self, now: float) -> None:
        """Start its program."""
        self.boots += 1
        self.asleep = False
        self.host_up = True
        self.wake_at = -1.0
        self.inbox.clear()
        self.listens_until = -1.0
        self.reign = None
        self.obeyed = 0
        self.followed_of.clear()
        self.elector = Elector(
            me=self.id,
            boot=self.rng.getrandbits(53),
            max_term=self.disk,
            members=self.members,
            now=self.clock(now),
            rng=self.rng,
            preference=self.preference,
            timing=self.timing,
            rules=self.rules,
        )

    def crash(self) -> None:
        """End its program without notice; the disk stays."""
        self.elector = None
        self.asleep = False
        self.inbox.clear()
        self.reign = None

    def lose_disk(self) -> None:
        """Forget what was persisted."""
        self.disk = self.followed = self.last_term = 0

    def notice_sleep(self, now: float) -> None:
        """It was asleep until now: if so for a lease, it must reign no more and listen first."""
        if self.elector is None:
            return
        shown = self.clock(now)
        if shown - self.elector._ticked >= TIMING.lease:
            self.listens_until = shown + (TIMING.join if len(self.members) > 1 else TIMING.lone)
            self.asked_to_take_over = False
            self.followed_of.clear()
            if self.elector.is_router(shown):
                raise Broken(f"{self.id} believes after sleep that it reigns")

    def check(self, now: float) -> bool:
        """Look at what it became after a call; whether its reign began, ended or got another term."""
        elector = self.elector
        if elector is None:
            return False
        claim = elector.claim
        if claim is not None:
            self._check_followed(claim)
        reign = claim if elector.state in REIGNS else None
        if reign == self.reign:
            return False
        if reign is not None:
            if reign.term <= self.last_term:
                raise Broken(f"{self.id} reigns in term {reign.term} after {self.last_term}")
            if self.disk < reign.term:
                raise Broken(f"{self.id} reigns in term {reign.term}, which isn't on its disk")
            if self.clock(now) < self.listens_until and not self.asked_to_take_over:
                raise Broken(f"{self.id} reigns before it has listened long enough after sleep")
            self.last_term = reign.term
        self.reign = reign
        return True

    def _check_followed(self, claim: ClaimRef) -> None:
        self.followed = max(self.followed, claim.term)
        before = self.followed_of.get(claim.router, 0)
        if claim.term < before and claim.router not in self.forgetful:
            raise Broken(f"{self.id} follows {claim} after its term {before}")
        self.followed_of[claim.router] = claim.term

    def obey(self, claim: ClaimRef, now: float) -> None:
        """A command came: one of an older claim than was followed or obeyed before must be refused."""
        if self.elector is not None and self.elector.accepts(claim, self.clock(now)):
            if claim.term < max(self.followed, self.obeyed):
                raise Broken(f"{self.id} obeys {claim} after term {max(self.followed, self.obeyed)}")
            self.obeyed = claim.term

    def check_message(self, message: Message, now: float) -> None:
        """Look at what it sends: after sleep it must not speak as if nothing had happened."""
        if self.asked_to_take_over or self.clock(now) >= self.listens_until:
            return
        if isinstance(message, Beat) and any(each.claim.ref.router == self.id for each in message.claims):
            raise Broken(f"{self.id} claims to reign right after sleep")
        follows = self.elector is not None and self.elector.state is State.FOLLOWING
        if isinstance(message, Deny) and message.why == ALIVE and not follows:
            raise Broken(f"{self.id} denies right after sleep")
