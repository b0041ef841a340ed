"""One node's part in the election: what it is told, what it wants done, who is the router."""

from collections.abc import Iterable, Mapping

from corral.peers.election.chronicle import SILENT, Change
from corral.peers.election.effects import Effect, Probe, Send
from corral.peers.election.errors import HandoverImpossible
from corral.peers.election.handover import Handover
from corral.peers.election.machine import Machine, State
from corral.peers.election.messages import (
    ALIVE,
    BUSY,
    VERSION,
    Beat,
    Claim,
    ClaimRef,
    Deny,
    Elect,
    Message,
    Takeover,
)
from corral.peers.election.peer_table import Heard
from corral.peers.election.preference import Preference
from corral.peers.ids import NodeId

__all__ = ["Elector", "Preference", "State"]


class Elector(Machine):
    """The election of one node. `now` is in seconds of a clock that counts sleep and never goes back."""

    # What is so

    @property
    def state(self) -> State:
        """As of the last call."""
        return self._state

    @property
    def router(self) -> NodeId | None:
        """Whom requests go to, which may be this node; None while there is no router."""
        claim = self.claim
        return claim.router if claim is not None else None

    @property
    def max_term(self) -> int:
        """The highest term ever heard of."""
        return self._max_term

    @property
    def live_peers(self) -> tuple[NodeId, ...]:
        """The members heard lately, as of the last call, in the order of their ids."""
        return tuple(sorted(self._peers.live(self._now)))

    @property
    def successors(self) -> tuple[NodeId, ...]:
        """The live members that could take over from the router, best first, as of the last call."""
        return tuple(self._peers.successors(self.router, self._now)) if self.router is not None else ()

    @property
    def other_versions(self) -> Mapping[NodeId, int]:
        """The members heard lately that are two protocol versions or more away: they aren't heard any further."""
        return self._peers.other_versions(self._now)

    @property
    def outdated(self) -> bool:
        """Whether most of the members heard lately are so far ahead: this node neither votes nor reigns then."""
        return self._outdated

    @property
    def changes(self) -> tuple[Change, ...]:
        """The last changes of who reigns, oldest first."""
        return self._chronicle.changes

    def is_router(self, now: float) -> bool:
        """Whether this node may act as the router now: to be asked for each request."""
        return self._mine is not None and not self._rules.slept(now - self._ticked, self._timing.lease)

    def accepts(self, claim: ClaimRef, now: float) -> bool:
        """Whether to obey a command given under this claim: not if a newer one was ever followed or obeyed."""
        if self._mine is not None and claim == self._mine.ref:
            return self.is_router(now)
        self._observe(claim.term)
        if claim.term > self._max_term or claim.router not in self._is_member:
            return False
        if not self._rules.accepts(claim.term, self._floor.term):
            return False
        if claim.term == self._floor.term and claim not in (self._floor, self.claim):
            return False
        self._floor = claim
        return True

    def next_wake(self, now: float) -> float:
        """When to call `tick` next, at the latest. It may change with every other call."""
        due = self._pacing.next_beat
        if self._view is not None:
            due = min(due, self._view.born + self._timing.lease)
        elif self._mine is None:
            due = min(due, self._joined_at() if self._state is State.JOINING else due)
            stand_at = self._stand_at(now)
            due = due if stand_at is None else min(due, stand_at)
        if self._handover is not None:
            due = min(due, self._handover.next_try)
        for at in (self._voting.ends, self._probe_at, self._pacing.next_relay):
            if at is not None and at < due:
                due = at
        return max(now, due)

    # What happens

    def tick(self, now: float) -> list[Effect]:
        """Do what is due."""
        now = self._arrive(now)
        self._ticked = now
        if self._view is not None and now - self._view.born >= self._timing.lease:
            self._peers.silence(self._view.claim.ref.router)
            self._lose(SILENT, now)
        if self._state is State.JOINING and now >= self._joined_at():
            self._state = State.SUSPECT
        self._look_at_versions(now)
        self._count_ballot(now)
        stand_at = self._stand_at(now)
        if stand_at is not None and now >= stand_at:
            self._stand(now)
        self._hand_over_if_unfit(now)
        self._press(now)
        if self._probe_at is not None and now >= self._probe_at:
            self._probe(now)
        if now >= self._pacing.next_beat:
            self._beat(now)
        elif self._pacing.next_relay is not None and now >= self._pacing.next_relay:
            self._pacing.begin_relay(now)
            self._tell_all(now)
        return self._flush()

    def hear(self, peer: NodeId, message: Message, now: float) -> list[Effect]:
        """A message came from a member, whose name the connection has proven."""
        now = self._arrive(now)
        if peer not in self._is_member:
            return self._flush()
        if abs(message.version - VERSION) > 1:
            self._peers.note_version(peer, message.version, now)
            return self._flush()
        if isinstance(message, Beat):
            self._hear_beat(peer, message, now)
        elif isinstance(message, Elect):
            self._hear_elect(peer, message, now)
        elif isinstance(message, Deny):
            self._hear_deny(peer, message, now)
        else:
            self._hear_takeover(peer, message.claim, now)
        return self._flush()

    def lost(self, peer: NodeId, now: float) -> list[Effect]:
        """The connection to a member closed. Of the router: find out at once whether its process is gone."""
        now = self._arrive(now)
        if self._view is not None and peer == self.router:
            self._probe(now)
        return self._flush()

    def refused(self, peer: NodeId, now: float) -> list[Effect]:
        """A member's port refused a connection."""
        now = self._arrive(now)
        if self._view is None or peer != self.router:
            self._peers.silence(peer)
            return self._flush()
        self._probe_at = self._refusals.refused(self._view.claim.ref, now)
        self._judge_refusals(now)
        return self._flush()

    def woke(self, now: float) -> list[Effect]:
        """The machine slept, or came into another network."""
        self._forget_times(self._arrive(now))
        return self._flush()

    def set_members(self, members: Iterable[NodeId], now: float) -> list[Effect]:
        """Who belongs to the cluster now; with or without this node."""
        now = self._arrive(now)
        before = frozenset(self._members)
        self._members = tuple(sorted(set(members) - {self.me}))
        self._is_member = frozenset(self._members)
        gone = before - self._is_member
        self._peers.forget(gone)
        self._claims.forget(gone)
        if self._view is not None and self._view.claim.ref.router in gone:
            self._lose("it is no member any more", now)
        self._send_beat([peer for peer in self._members if peer not in before], now)
        return self._flush()

    def set_preference(self, preference: Preference, now: float) -> list[Effect]:
        """How much this node should be the router; one that never should be hands over."""
        now = self._arrive(now)
        self._preference = preference
        self._pacing.want_relay(now)
        self._hand_over_if_unfit(now)
        return self._flush()

    def drain(self, now: float) -> list[Effect]:
        """This machine will stop: hand over if it reigns, and don't stand again."""
        now = self._arrive(now)
        self._draining = True
        self._hand_over_if_unfit(now)
        return self._flush()

    def cancel_drain(self, now: float) -> list[Effect]:
        """This machine stays after all."""
        now = self._arrive(now)
        self._draining = False
        if self._eligible:
            self._end_handover()
        return self._flush()

    def handover(self, to: NodeId | None, now: float) -> list[Effect]:
        """Let a member, or the best one, take over. Raises HandoverImpossible."""
        now = self._arrive(now)
        if self._mine is None:
            raise HandoverImpossible("This machine is not the router. Ask the router to hand over.")
        fit = self.successors
        if not fit:
            raise HandoverImpossible("No other machine can take over. Connect one that may be the router.")
        if to is not None and to not in fit:
            raise HandoverImpossible(
                "That machine can't take over: it isn't connected or may not be the router."
            )
        self._begin_handover(to, now)
        return self._flush()

    def leave(self, now: float) -> list[Effect]:
        """This machine stops now: others need not find out by waiting. Nothing else should be called after it."""
        now = self._arrive(now)
        self._draining = True
        if self._mine is not None:
            self._resign("this machine stopped", now)
        else:
            self._send_beat(self._members, now)
        return self._flush()

    # Hearing

    def _hear_beat(self, peer: NodeId, beat: Beat, now: float) -> None:
        if self._peers.is_stale(peer, beat, now):
            return
        before = self._peers.note(peer, beat, now)
        self._observe(beat.max_term)
        if before is not None and before.claim is not None:
            self._notice_given_up(peer, before, now)
        if beat.gave_way and self._mine is not None and beat.follows is not None:
            self._hear_giving_way(beat.follows, self._mine, now)
        if beat.refused is not None:
            self._hear_report(peer, beat.refused, now)
        for sighting in beat.claims:
            self._see(sighting, peer, now)

    def _hear_giving_way(self, to: ClaimRef, mine: Claim, now: float) -> None:
        """The member was another router, which this one may never have heard of as such."""
        if to.router == self.me:
            self._chronicle.add_meeting(mine.ref, now, within_s=2 * self._timing.settled)

    def _notice_given_up(self, peer: NodeId, before: Heard, now: float) -> None:
        """A router that says nothing of its claim any more has given it up, or was started anew."""
        heard = self._peers.last(peer)
        if before.claim is None or heard is None or heard.claim is not None:
            return
        self._void(before.claim)
        if self._view is not None and self._view.claim.ref == before.claim:
            self._lose("it gave up", now)

    def _hear_report(self, peer: NodeId, claim: ClaimRef, now: float) -> None:
        """A member says that the router's port refuses it."""
        if self._view is not None and claim == self._view.claim.ref and peer != claim.router:
            self._refusals.reported(claim, peer, now)
            self._judge_refusals(now)

    def _look_at_versions(self, now: float) -> None:
        """A node that most others have left behind must be updated, and doesn't reign until then."""
        others = self._peers.other_versions(now)
        ahead = sum(1 for version in others.values() if version > VERSION)
        self._outdated = ahead > len(self._peers.live(now)) if ahead else False
        if self._outdated and self._mine is not None:
            self._resign("this machine must be updated", now)

    def _hear_elect(self, peer: NodeId, elect: Elect, now: float) -> None:
        self._observe(elect.term)
        if elect.refused is not None:
            self._hear_report(peer, elect.refused, now)
        theirs = (elect.pinned, elect.prio, peer)
        if self._hears_router(now):
            self._effects.append(Send(peer, Deny(term=elect.term, why=ALIVE)))
            self._send_beat((peer,), now)
            return
        why = self._voting.objection(peer, theirs, self._standing, now)
        if why is not None:
            self._effects.append(Send(peer, Deny(term=elect.term, why=why)))
            return
        self._voting.consent(peer, theirs, now)
        if self._state is State.CANDIDATE:
            self._state = State.SUSPECT

    def _hears_router(self, now: float) -> bool:
        if self._mine is not None:
            return self._rules.denies_for_router(0.0, self._timing.trust)
        view = self._view
        return view is not None and self._rules.denies_for_router(now - view.born, self._timing.trust)

    def _hear_deny(self, peer: NodeId, deny: Deny, now: float) -> None:
        if self._handover is not None and self._mine is not None and deny.term == self._mine.ref.term:
            self._handover.denied(peer, now)
            self._press(now)
        self._voting.denied(peer, deny.term, now)
        if self._state is State.CANDIDATE and not self._voting.open:
            self._state = State.SUSPECT

    def _hear_takeover(self, peer: NodeId, claim: ClaimRef, now: float) -> None:
        self._observe(claim.term)
        followed = self._view is None or self._view.claim.ref.router == peer
        if claim.router != peer or self._mine is not None or not followed or self._claims.is_void(claim):
            return
        if not self._eligible or claim.term > self._max_term:
            self._effects.append(Send(peer, Deny(term=claim.term, why=BUSY)))
            return
        self._reign(self._mint(), (claim,), "took over", now)

    # Handing over, and suspecting early

    def _hand_over_if_unfit(self, now: float) -> None:
        if self._mine is not None and not self._eligible and self._handover is None and self.successors:
            self._begin_handover(None, now)

    def _begin_handover(self, to: NodeId | None, now: float) -> None:
        self._state = State.DRAINING
        self._handover = Handover(to, timing=self._timing, now=now)
        self._press(now)

    def _end_handover(self) -> None:
        self._handover = None
        if self._state is State.DRAINING:
            self._state = State.ROUTER

    def _press(self, now: float) -> None:
        """Ask the successor whose turn it is."""
        if self._handover is None or self._mine is None or now < self._handover.next_try:
            return
        to = self._handover.ask(self.successors, now)
        if to is None:
            self._chronicle.add("nobody took over", self._mine.ref, now)
            self._end_handover()
        else:
            self._effects.append(Send(to, Takeover(claim=self._mine.ref)))

    def _probe(self, now: float) -> None:
        self._probe_at = None
        if self._view is not None:
            self._effects.append(Probe(self._view.claim.ref.router))

    def _judge_refusals(self, now: float) -> None:
        """The router's process is gone if there is proof; a wrong proof costs it only a newer term."""
        if self._view is None or not self._refusals.proven(self._view.claim.ref, now):
            return
        ref = self._view.claim.ref
        self._void(ref)
        self._peers.silence(ref.router)
        self._lose("its port refuses connections", now)
        if self._view is None:
            self._lost_at = now + self._timing.grace
            self._pacing.want_relay(now)

    def _flush(self) -> list[Effect]:
        effects, self._effects = self._effects, []
        return effects
