"""Typed codes, the host's side: a member shows six digits, and whoever types them on another machine is let in.

Each code lives 60 s, admits one machine and bears three tries; ten wrong tries in an hour begin a cool-down. A try is taken before
anything is computed, so that tries also bound the work. The newcomer proves the code first: a wrong one learns nothing but that.
"""

from dataclasses import dataclass, field
from typing import Final

from corral.peers.pairing.desk import (
    Admission,
    HostView,
    admission_again,
    admission_of,
    check_newcomer,
    offer_of,
)
from corral.peers.pairing.errors import (
    CodeExpired,
    CodeRefused,
    CodeUsedUp,
    CoolDown,
    MalformedMessage,
    NoCode,
    PairingError,
    RequestUnknown,
    TooOften,
    WrongCode,
)
from corral.peers.pairing.messages import BeginCode, ConfirmCode, Offer, Share, ShareCode
from corral.peers.pairing.pace import Pace
from corral.peers.pairing.pake import Pake
from corral.peers.pairing.transcript import NONCE_BYTES, Meeting, Random, digits, keyed, same
from corral.peers.pairing.waiting_room import Source, WaitingRoom

CODE_LIFETIME_S: Final = 60.0
TRIES: Final = 3
WRONG_TRIES: Final = 10
WINDOW_S: Final = 3600.0

_EXCHANGE_LIFETIME_S: Final = 90.0
_BURST: Final = 10
_EVERY_S: Final = 6.0
_CODE_BYTES: Final = 16


@dataclass(slots=True)
class ShownCode:
    """A code that a member shows. Times are Unix time in seconds."""

    code: str = field(repr=False)
    shown_by: str | None
    shown_at: float
    expires_at: float
    tries_left: int = TRIES
    used: bool = False  # a machine joined with it

    def check(self, *, now: float) -> None:
        """Raises CodeExpired or CodeUsedUp."""
        if not self.shown_at <= now < self.expires_at:
            raise CodeExpired
        if self.used or self.tries_left <= 0:
            raise CodeUsedUp


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoned:
    """What came out: the host's share, and the key if the newcomer's was any good."""

    share: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """Heavy work: call `reckon` in a thread, then `PairingHost.resume`."""

    exchange: str
    share: bytes
    meeting: Meeting
    code: str = field(repr=False)
    random: Random = field(repr=False)

    def reckon(self) -> Reckoned:
        """About 12 ms. Raises TranscriptMismatch if the newcomer's share is none."""
        side = Pake(self.meeting, self.code, host=True, random=self.random)
        return Reckoned(share=side.share, key=side.key(self.share))


@dataclass(slots=True)
class _Exchange:
    meeting: Meeting
    code: ShownCode
    theirs: bytes | None = None  # the newcomer's share
    reckoned: Reckoned | None = None
    tried_at: float = 0.0
    confirmed: ConfirmCode | None = None
    admission: Admission | None = None


class CodeDesk:
    """The code that is shown, and who tries it."""

    def __init__(self, view: HostView) -> None:
        self._view = view
        self._shown: ShownCode | None = None
        self._wrong: list[float] = []
        self._pace = Pace(burst=_BURST, every_s=_EVERY_S)
        self._exchanges = WaitingRoom[_Exchange](most=32, most_of_address=4, lifetime_s=_EXCHANGE_LIFETIME_S)

    def show(self, *, by: str | None, now: float) -> ShownCode:
        """Make a new code; it takes the place of an older one. Raises CoolDown."""
        self._check_cool(now)
        code = digits(self._view.random(_CODE_BYTES))
        self._shown = ShownCode(code, by, now, now + CODE_LIFETIME_S)
        return self._shown

    def shown(self, *, now: float) -> ShownCode | None:
        """The code that is shown, if it can still be used."""
        try:
            return self._current(now)
        except CodeRefused:
            return None

    def hide(self) -> None:
        """Show no code any more."""
        self._shown = None

    def begin(self, message: BeginCode, source: Source, *, now: float) -> Offer:
        """Say who the host is. Raises CodeRefused, PutOff and what a greeting raises."""
        self._pace.take(source, now=now)
        self._check_cool(now)
        code = self._current(now)
        meeting = self._view.meeting(
            self._view.greeting(message),
            exchange=self._view.new_exchange(),
            newcomer=b"",
            host=self._view.random(NONCE_BYTES),
        )
        self._exchanges.enter(meeting.exchange, _Exchange(meeting, code), source, now=now)
        return offer_of(meeting)

    def share(self, message: ShareCode, *, now: float) -> Share | Reckoning:
        """Take a try. Raises CodeRefused, CoolDown, RequestUnknown, and TooOften while it is being computed."""
        exchange = self._exchange(message.exchange, now)
        if exchange.theirs is not None:
            return self._share_again(exchange, message)
        self._check_cool(now)
        self._check_current(exchange.code, now)
        exchange.code.tries_left -= 1
        exchange.tried_at = now
        exchange.theirs = message.share
        self._wrong.append(now)
        return Reckoning(
            exchange=message.exchange,
            share=message.share,
            meeting=exchange.meeting,
            code=exchange.code.code,
            random=self._view.random,
        )

    def resume(self, reckoning: Reckoning, reckoned: Reckoned, *, now: float) -> Share:
        """The host's share. Raises RequestUnknown."""
        exchange = self._exchange(reckoning.exchange, now)
        exchange.reckoned = reckoned
        return Share(exchange=reckoning.exchange, share=reckoned.share)

    def confirm(self, message: ConfirmCode, *, now: float) -> Admission:
        """Let in who proves the code. Raises WrongCode, TranscriptMismatch, CodeRefused, RequestUnknown."""
        exchange = self._exchange(message.exchange, now)
        if exchange.admission is not None and exchange.confirmed == message:
            return admission_again(self._view, exchange.admission)  # the answer was lost
        if exchange.reckoned is None or exchange.admission is not None:
            raise RequestUnknown
        try:
            exchange.admission = self._proven(exchange, exchange.reckoned, message)
        except PairingError:
            self._exchanges.leave(message.exchange)  # an exchange bears one proof
            raise
        exchange.confirmed = message
        exchange.code.used = True
        if exchange.tried_at in self._wrong:
            self._wrong.remove(exchange.tried_at)
        return exchange.admission

    def _proven(self, exchange: _Exchange, reckoned: Reckoned, message: ConfirmCode) -> Admission:
        meeting, code = exchange.meeting, exchange.code
        seen = meeting.seen(exchange.theirs or b"", reckoned.share)
        if not same(newcomer_proof(reckoned.key, seen), message.proof):
            raise WrongCode(tries_left=code.tries_left)
        check_newcomer(meeting, seen, message.signature)
        if code is not self._shown:
            raise CodeExpired
        if code.used:
            raise CodeUsedUp
        return admission_of(
            self._view,
            meeting,
            seen=seen,
            approved_by=code.shown_by,
            proof=host_proof(reckoned.key, seen),
        )

    def _share_again(self, exchange: _Exchange, message: ShareCode) -> Share:
        if exchange.theirs != message.share:
            raise MalformedMessage("a second share")
        if exchange.reckoned is None:
            raise TooOften(retry_after_s=1.0)
        return Share(exchange=message.exchange, share=exchange.reckoned.share)

    def _exchange(self, id: str, now: float) -> _Exchange:
        exchange = self._exchanges.get(id, now=now)
        if exchange is None:
            raise RequestUnknown
        return exchange

    def _current(self, now: float) -> ShownCode:
        if self._shown is None:
            raise NoCode
        self._shown.check(now=now)
        return self._shown

    def _check_current(self, code: ShownCode, now: float) -> None:
        if code is not self._shown:
            raise CodeExpired
        code.check(now=now)

    def _check_cool(self, now: float) -> None:
        # A clock that was set back must not make a cool-down longer.
        self._wrong = [min(at, now) for at in self._wrong if now - at < WINDOW_S]
        if len(self._wrong) >= WRONG_TRIES:
            raise CoolDown(retry_after_s=self._wrong[-WRONG_TRIES] + WINDOW_S - now)


def newcomer_proof(key: bytes, seen: bytes) -> bytes:
    """That the newcomer has the key."""
    return keyed(key, "newcomer has the code", seen)


def host_proof(key: bytes, seen: bytes) -> bytes:
    """That the host has it."""
    return keyed(key, "host has the code", seen)
