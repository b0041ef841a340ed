"""The states of a node and the steps between them; the elector feeds them."""

import enum
import random
from collections.abc import Iterable
from typing import Final

import msgspec

from corral.peers.election.chronicle import (
    ABSORBED_BY,
    ABSORBED_OTHER,
    GAVE_WAY,
    HANDED_OVER,
    MET,
    Chronicle,
)
from corral.peers.election.claim_table import ClaimTable, Known
from corral.peers.election.effects import Effect, Persist, Send
from corral.peers.election.handover import Handover
from corral.peers.election.messages import (
    MOST_ABSORBED,
    MOST_CLAIMS,
    MOST_TERM,
    Beat,
    Claim,
    ClaimRef,
    Elect,
    Sighting,
)
from corral.peers.election.pacing import Pacing
from corral.peers.election.peer_table import PeerTable
from corral.peers.election.preference import Preference
from corral.peers.election.refusals import Refusals
from corral.peers.election.rules import Rules, Standing
from corral.peers.election.timing import Timing
from corral.peers.election.voting import Voting
from corral.peers.ids import NodeId

MOST_LEAP: Final = 1_000_000  # no message moves the highest term further: a lie can't use up all terms


class State(enum.Enum):
    """What a node is doing."""

    JOINING = "joining"  # listening, after start or sleep
    FOLLOWING = "following"
    SUSPECT = "suspect"  # no router; better placed members may stand first
    CANDIDATE = "candidate"
    ROUTER = "router"
    DRAINING = "draining"  # still the router, until another one takes over


class Machine:
    """What one node knows, and how it follows, suspects, stands and reigns. Not for use by itself: see Elector."""

    def __init__(
        self,
        *,
        me: NodeId,
        boot: int,
        max_term: int,
        members: Iterable[NodeId],
        now: float,
        rng: random.Random,
        preference: Preference | None = None,
        timing: Timing | None = None,
        rules: Rules | None = None,
    ) -> None:
        """`boot` is random and new at each start; `max_term` is what `Persist` last put on disk, else 0."""
        self.me = me
        self._boot = boot
        self._preference = preference or Preference()
        self._timing = timing or Timing()
        self._rules = rules or Rules()
        self._members = tuple(sorted(set(members) - {me}))
        self._is_member = frozenset(self._members)
        self._state = State.JOINING
        self._gave_way_until = now
        self._now = self._ticked = self._started = self._lost_at = self._changed_at = now
        self._gave_way_until = now
        self._max_term = self._durable = max_term
        self._floor = ClaimRef(max_term, me)  # the newest claim ever followed or obeyed
        self._mine: Claim | None = None  # set while I reign
        self._view: Known | None = None  # what I follow
        self._view_seq = 0
        self._seq = self._number = 0
        self._absorbed_at = now
        self._told_at = now - 1.0
        self._handover: Handover | None = None
        self._draining = False
        self._outdated = False
        self._announces = False  # to say to everybody that I reign no more
        self._probe_at: float | None = None
        self._voting = Voting(me, timing=self._timing, rules=self._rules, rng=rng, now=now)
        self._peers = PeerTable(self._timing)
        self._claims = ClaimTable(lease_s=self._timing.lease, rules=self._rules)
        self._refusals = Refusals(self._timing)
        self._pacing = Pacing(self._timing, now)
        self._chronicle = Chronicle()
        self._effects: list[Effect] = []

    # Time and terms

    def _arrive(self, now: float) -> float:
        """Take the time of a call; after sleep nothing that was timed counts any more."""
        if now < self._now:
            if self._now - now < self._timing.lease:
                return self._now
            self._forget_times(now)
        elif self._rules.slept(now - self._ticked, self._timing.lease):
            self._forget_times(now)
        self._now = now
        return now

    def _forget_times(self, now: float) -> None:
        if self.claim is not None:
            self._chronicle.add("this machine slept", None, now)
        self._state = State.JOINING
        self._now = self._ticked = self._started = self._lost_at = self._changed_at = now
        self._mine = self._view = self._handover = self._probe_at = None
        self._voting.forget_times(now)
        self._peers.clear()
        self._claims.forget_times()
        self._refusals.clear()
        self._pacing = Pacing(self._timing, now)

    def _joined_at(self) -> float:
        return self._started + (self._timing.join if self._members else self._timing.lone)

    def _observe(self, term: int) -> None:
        if term > self._max_term:
            self._max_term = min(term, self._max_term + MOST_LEAP)

    def _persist(self, term: int) -> None:
        if term > self._durable:
            self._durable = term
            self._effects.append(Persist(term))

    def _mint(self) -> int:
        self._max_term = min(self._max_term + 1, MOST_TERM)
        self._persist(self._max_term)
        return self._max_term

    # Standing

    @property
    def claim(self) -> ClaimRef | None:
        """The claim that reigns or is followed, None while there is no router."""
        if self._mine is not None:
            return self._mine.ref
        return self._view.claim.ref if self._view is not None else None

    @property
    def _eligible(self) -> bool:
        return self._preference.eligible and not self._draining and not self._outdated

    @property
    def _standing(self) -> Standing:
        return (self._preference.pinned, self._preference.prio, self.me)

    def _stand_at(self, now: float) -> float | None:
        """When I may stand, if nothing changes until then."""
        if self._mine is not None or self._view is not None or self._voting.open or not self._eligible:
            return None
        rank = min(self._peers.better(self._standing, now), self._timing.most_ranks)
        turn = max(self._lost_at, self._joined_at()) + rank * self._timing.rank
        return max(turn, self._voting.not_before())

    def _stand(self, now: float) -> None:
        term = self._mint()
        if not self._members:
            self._reign(term, (), "no other member is known", now)
            return
        self._state = State.CANDIDATE
        self._voting.stand(term, self._standing, now)
        mine = self._preference
        elect = Elect(term=term, prio=mine.prio, pinned=mine.pinned, refused=self._refusals.mine(now))
        self._effects += [Send(peer, elect) for peer in self._members]

    def _count_ballot(self, now: float) -> None:
        term = self._voting.won(now)
        if term is not None:
            self._reign(term if term == self._max_term else self._mint(), (), "elected", now)

    # Reigning

    def _reign(self, term: int, absorbs: tuple[ClaimRef, ...], reason: str, now: float) -> None:
        self._state = State.ROUTER
        self._view = self._probe_at = None
        self._voting.conclude()
        self._refusals.clear()
        self._peers.begin_reign()
        self._seq += 1
        self._absorbed_at = self._changed_at = now
        mine = self._preference
        ref = ClaimRef(term, self.me)
        self._mine = Claim(ref, self._seq, 0, mine.prio, mine.pinned, absorbs)
        self._floor = ref
        for each in absorbs:
            self._void(each)
        self._chronicle.add(reason, ref, now)
        self._send_beat(self._members, now)

    def _renew(self, mine: Claim, now: float) -> None:
        self._seq += 1
        term = self._rules.fenced(mine.ref.term, self._max_term)
        if term != mine.ref.term:
            self._renumber(mine, self._mint(), "took a newer term", now)
            assert self._mine is not None
            mine = self._mine
        recent = now - self._absorbed_at < self._timing.strength
        self._mine = Claim(
            mine.ref,
            self._seq,
            self._peers.strength(self.me, now),
            self._preference.prio,
            self._preference.pinned,
            mine.absorbs if recent else (),
        )

    def _renumber(self, mine: Claim, term: int, reason: str, now: float) -> None:
        self._mine = msgspec.structs.replace(mine, ref=ClaimRef(term, self.me))
        self._floor = self._mine.ref
        self._chronicle.add(reason, self._floor, now)

    def _meet(self, known: Known, peer: NodeId, mine: Claim, now: float) -> None:
        """Two routers meet: exactly one of them decides who stays."""
        other = known.claim
        if self._rules.absorbed(mine.ref, other):
            self._follow(known, HANDED_OVER if self._handover is not None else ABSORBED_BY, now)
        elif not self._rules.decides(self.me, other.ref.router):
            self._chronicle.add_once(MET, mine.ref, now)
            if now - self._told_at >= self._timing.relay_gap:
                self._told_at = now
                self._send_beat((other.ref.router,), now)
            return
        elif self._rules.outdoes(other, mine):
            if peer != other.ref.router and not known.advanced:
                return  # told by someone else, and maybe its last word: nobody would be left
            self._gave_way_until = now + self._timing.settled  # so that it knows too that two met
            self._follow(known, GAVE_WAY, now)
        else:
            absorbs = (*mine.absorbs, other.ref)[-MOST_ABSORBED:]
            self._mine = msgspec.structs.replace(mine, absorbs=absorbs)
            self._absorbed_at = self._changed_at = now
            self._renumber(self._mine, self._mint(), ABSORBED_OTHER, now)
            self._void(other.ref)
        self._pacing.want_relay(now)

    def _resign(self, reason: str, now: float) -> None:
        """Reign no more, though nobody takes over."""
        self._mine = self._handover = None
        self._state = State.SUSPECT
        self._lost_at = self._changed_at = now
        self._chronicle.add(reason, None, now)
        self._send_beat(self._members, now)

    # Following

    def _see(self, sighting: Sighting, peer: NodeId, now: float) -> None:
        """Someone tells of a claim."""
        ref = sighting.claim.ref
        self._observe(ref.term)
        if ref.router == self.me:
            if self._mine is not None and ref == self._mine.ref and sighting.claim.seq > self._mine.seq:
                self._observe(ref.term + 1)  # someone says what I never did: others must tell us apart
            return
        if ref.router not in self._is_member or ref.term > self._max_term:
            return
        known = self._claims.learn(sighting.claim, age_s=sighting.age_ms / 1000, now=now)
        if known is None:
            if peer == ref.router and self._claims.is_void(ref):
                self._observe(ref.term + 1)  # it reigns on, wrongly thought gone: a newer term puts it right
            return
        claim = known.claim
        for each in claim.absorbs:
            self._void(each)
        if self._mine is not None:
            self._meet(known, peer, self._mine, now)
        elif self._view is None or now - self._view.born >= self._timing.lease:
            self._follow(known, "heard of it", now)
            self._pacing.want_relay(now)
        elif claim.ref.router == self._view.claim.ref.router:
            self._keep_following(known, peer, now)
            return
        elif self._rules.absorbed(self._view.claim.ref, claim):
            self._follow(known, "it absorbed the one before", now)
            self._pacing.want_relay(now)
        self._changed_at = now  # two reign: maybe only followers that keep telling can bring them together

    def _void(self, ref: ClaimRef) -> None:
        if ref.term <= self._max_term and ref.router != self.me and self._rules.voids(ref):
            self._claims.void(ref)

    def _follow(self, known: Known, reason: str, now: float) -> None:
        ref = known.claim.ref
        self._announces = self._announces or self._mine is not None
        self._state = State.FOLLOWING
        self._mine = self._handover = self._probe_at = None
        self._view = known
        self._view_seq = known.claim.seq
        self._changed_at = now
        self._voting.conclude()
        self._refusals.clear()
        self._raise_floor(ref)
        self._chronicle.add(reason, ref, now)

    def _keep_following(self, known: Known, peer: NodeId, now: float) -> None:
        if self._view is not known:
            self._view = known
            self._view_seq = -1
            self._changed_at = now
            self._raise_floor(known.claim.ref)
            self._chronicle.add("it took a newer term", known.claim.ref, now)
        if known.claim.seq != self._view_seq:
            self._view_seq = known.claim.seq
            if peer == known.claim.ref.router:
                self._refusals.clear()
            wanting = [each for each in self._peers.wanting(now) if each != peer]
            if wanting:
                self._send_beat(wanting, now)

    def _raise_floor(self, ref: ClaimRef) -> None:
        if ref.term >= self._floor.term:
            self._floor = ref
            self._persist(ref.term)

    def _lose(self, reason: str, now: float) -> None:
        """The router is gone: follow another one if there is, else suspect."""
        self._view = self._probe_at = None
        self._state = State.SUSPECT
        self._lost_at = self._changed_at = now
        self._chronicle.add(reason, None, now)
        for known in self._claims.fresh(now):
            self._follow(known, "heard of it", now)
            return

    # Beating

    def _beat(self, now: float) -> None:
        """The regular beat."""
        if self._mine is not None:
            self._renew(self._mine, now)
        self._pacing.begin(now)
        self._tell_all(now)

    def _tell_all(self, now: float) -> None:
        """Tell everybody; a follower only those whose turn it is, in a large cluster and while nothing changes."""
        view = self._view
        announces, self._announces = self._announces, False
        wanting = self._peers.wanting(now)
        settled = not wanting and now - self._changed_at >= self._timing.settled
        small = len(self._members) <= self._timing.compact_above
        if view is None or announces or self._wants(now) or (small and not settled):
            self._send_beat(self._members, now)
            return
        router = view.claim.ref.router
        self._send_beat([peer for peer in wanting if peer != router], now)
        if self._pacing.tells_router(settled=settled):
            self._send_beat((router,), now, pace_s=self._pacing.router_s(settled=settled))
        others = [peer for peer in self._members if peer != router and peer not in wanting]
        turn = self._pacing.rotation(others, settled=settled)
        self._send_beat(turn, now, pace_s=self._pacing.rotation_s(len(others), settled=settled))

    def _wants(self, now: float) -> bool:
        """Whether I don't hear the router itself."""
        return self._view is not None and not self._peers.hears(self._view.claim.ref.router, now)

    def _send_beat(self, to: Iterable[NodeId], now: float, *, pace_s: float | None = None) -> None:
        to = tuple(to)
        if to:
            beat = self._compose(self._timing.tick if pace_s is None else pace_s, now)
            self._effects += [Send(peer, beat) for peer in to]

    def _compose(self, pace_s: float, now: float) -> Beat:
        self._number += 1
        claim = self.claim
        sightings = self._claims.sightings(now, claim.router if claim is not None else None)
        if self._mine is not None:
            sightings.insert(0, Sighting(self._mine, 0))
        return Beat(
            boot=self._boot,
            number=self._number,
            prio=self._preference.prio,
            pinned=self._preference.pinned,
            eligible=self._eligible,
            max_term=self._max_term,
            follows=claim,
            claims=tuple(sightings[:MOST_CLAIMS]),
            refused=self._refusals.mine(now),
            wants=claim is None or self._wants(now),
            pace_ms=int(pace_s * 1000),
            gave_way=now < self._gave_way_until,
        )
