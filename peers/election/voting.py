"""A node's own ballot, and the consent it gives to others."""

import random
from dataclasses import dataclass
from typing import Final

from corral.peers.election.messages import BETTER, BUSY
from corral.peers.election.rules import Rules, Standing
from corral.peers.election.timing import Timing
from corral.peers.ids import NodeId


@dataclass(slots=True)
class _Consent:
    to: NodeId
    standing: Standing
    at: float


MOST_DENIALS: Final = (
    8  # of one member in a row, without a router in between: more look like a lie or a fault
)


class Voting:
    """Silence is consent: a ballot that nobody denies until it ends is won."""

    def __init__(self, me: NodeId, *, timing: Timing, rules: Rules, rng: random.Random, now: float) -> None:
        self._me = me
        self._timing = timing
        self._rules = rules
        self._rng = rng
        self._term: int | None = None
        self._consent: _Consent | None = None
        self._backoff = now
        self._denials: dict[NodeId, int] = {}
        self.ends: float | None = None  # when the open ballot is won

    @property
    def open(self) -> bool:
        """Whether there is a ballot of mine."""
        return self._term is not None

    def not_before(self) -> float:
        """When I may stand: after a denial, and after giving consent, others come first."""
        if self._consent is None or self._consent.to == self._me:
            return self._backoff
        return max(self._backoff, self._consent.at + self._timing.hold)

    def stand(self, term: int, mine: Standing, now: float) -> None:
        """Open a ballot for this term."""
        self._term = term
        self._consent = _Consent(self._me, mine, now)
        self.ends = now + self._timing.ballot

    def won(self, now: float) -> int | None:
        """The term of a ballot that has ended now; it is open no more."""
        if self._term is None or self.ends is None or now < self.ends:
            return None
        term = self._term
        self.close()
        return term

    def close(self) -> None:
        """Give up an open ballot."""
        self._term = self.ends = None

    def denied(self, by: NodeId, term: int, now: float) -> None:
        """Take a denial: a ballot of this term is lost, another one may come a random while later."""
        if self._term != term:
            return
        self._denials[by] = self._denials.get(by, 0) + 1
        if self._denials[by] <= MOST_DENIALS:
            self.close()
            self._backoff = now + self._rng.uniform(*self._timing.backoff)

    def conclude(self) -> None:
        """There is a router: no ballot is needed any more."""
        self.close()
        self._denials.clear()

    def objection(self, peer: NodeId, theirs: Standing, mine: Standing, now: float) -> str | None:
        """Why a candidate can't have my consent, None if it can."""
        if self.open and self._rules.denies_for_itself(mine, theirs):
            return BETTER
        given = self._consent
        if given is None or given.to == peer or now - given.at >= self._timing.hold:
            return None
        return BUSY if self._rules.denies_for_itself(given.standing, theirs) else None

    def consent(self, peer: NodeId, theirs: Standing, now: float) -> None:
        """Back a candidate, and no worse one for a while, me included."""
        self.close()
        self._consent = _Consent(peer, theirs, now)

    def forget_times(self, now: float) -> None:
        """Drop ballot and consent, as after sleep."""
        self.close()
        self._consent = None
        self._backoff = now
