"""The side of the cluster, at the router: takes what newcomers say and gives answers, or a machine to let in.

    outcome = host.handle(decode_request(body), client=address, now=now)
    if isinstance(outcome, Reckoning):      # heavy: in a thread
        outcome = host.resume(outcome, await asyncio.to_thread(outcome.reckon), now=now)
    if isinstance(outcome, Admission):      # write it to the replicated members first
        outcome = host.admitted(outcome)    # or host.abandoned(outcome) if it couldn't be stored
    answer = encode(outcome)                # and encode(refusal_of(error)) for a PairingError

Nothing here waits, and all is called from one thread.
"""

import secrets
from collections.abc import Callable, Sequence

from corral.peers.address import Address
from corral.peers.identity.identity import Identity
from corral.peers.ids import ClusterId
from corral.peers.pairing import desk
from corral.peers.pairing.approval_desk import ApprovalDesk, Pending
from corral.peers.pairing.code_desk import CodeDesk, Reckoned, Reckoning, ShownCode
from corral.peers.pairing.desk import Admission, HostView
from corral.peers.pairing.messages import (
    Admitted,
    Answer,
    Ask,
    BeginCode,
    BeginToken,
    ConfirmCode,
    Poll,
    ProveToken,
    Request,
    Reveal,
    ShareCode,
)
from corral.peers.pairing.roster import Roster
from corral.peers.pairing.token import TokenRow
from corral.peers.pairing.token_desk import TokenDesk
from corral.peers.pairing.transcript import Random
from corral.peers.pairing.waiting_room import source_of

Outcome = Answer | Reckoning | Admission


class PairingHost:
    """Everybody who wants to join. Times are Unix time in seconds; what is refused raises a PairingError."""

    def __init__(
        self,
        *,
        identity: Identity,
        cluster: ClusterId,
        cluster_name: Callable[[], str],
        roster: Callable[[], Roster],
        tokens: Callable[[str], TokenRow | None],
        addresses: Callable[[], Sequence[Address]],
        random: Random = secrets.token_bytes,
    ) -> None:
        self._view = HostView(
            identity=identity,
            cluster=cluster,
            cluster_name=cluster_name,
            roster=roster,
            addresses=addresses,
            random=random,
        )
        self._approvals = ApprovalDesk(self._view)
        self._codes = CodeDesk(self._view)
        self._tokens = TokenDesk(self._view, tokens)

    def handle(self, message: Request, *, client: str, now: float) -> Outcome:
        """The answer to a newcomer at the address `client`, or what to do before there is one."""
        match message:
            case Ask():
                return self._approvals.ask(message, source_of(client), now=now)
            case Reveal():
                return self._approvals.reveal(message, now=now)
            case Poll():
                return self._approvals.poll(message, now=now)
            case BeginCode():
                return self._codes.begin(message, source_of(client), now=now)
            case ShareCode():
                return self._codes.share(message, now=now)
            case ConfirmCode():
                return self._codes.confirm(message, now=now)
            case BeginToken():
                return self._tokens.begin(message, source_of(client), now=now)
            case ProveToken():
                return self._tokens.prove(message, now=now)

    def resume(self, reckoning: Reckoning, reckoned: Reckoned, *, now: float) -> Answer:
        """The answer after the heavy work."""
        return self._codes.resume(reckoning, reckoned, now=now)

    def admitted(self, admission: Admission) -> Admitted:
        """The machine is a member now: its row is stored, or was `known`. Gives the answer that tells it."""
        if admission.way == "ask":
            self._approvals.admitted(admission)
        return desk.admitted(self._view, admission)

    def abandoned(self, admission: Admission) -> None:
        """The machine could not be stored: it isn't a member, and may try again."""
        if admission.way == "token":
            self._tokens.abandoned(admission)

    def pending(self, *, now: float) -> Sequence[Pending]:
        """The machines that wait for an approval, first come first."""
        return self._approvals.pending(now=now)

    def approve(self, id: str, *, by: str | None, now: float) -> Admission:
        """Somebody compared the codes and said yes. Raises RequestUnknown."""
        return self._approvals.approve(id, by=by, now=now)

    def deny(self, id: str, *, now: float) -> None:
        """Somebody said no. Raises RequestUnknown."""
        self._approvals.deny(id, now=now)

    def show_code(self, *, by: str | None, now: float) -> ShownCode:
        """A new code to show. Raises CoolDown."""
        return self._codes.show(by=by, now=now)

    def shown_code(self, *, now: float) -> ShownCode | None:
        """The code that can be typed now."""
        return self._codes.shown(now=now)

    def hide_code(self) -> None:
        """Take the code back."""
        self._codes.hide()
