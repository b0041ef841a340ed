"""What can go wrong while a machine joins. Each class has a `code` on the wire; the text is made where it is shown.

PairingError
├── MalformedMessage       not a message of this protocol, or one that doesn't fit here
├── VersionMismatch        the two machines speak different versions
├── TranscriptMismatch     what one side saw isn't what the other sent: somebody may be between them
├── NodeRemoved            the machine was removed from the cluster and can't come back with the same key
├── OtherCluster           a token of another cluster
├── UnknownRefusal         a reason that this version doesn't know
├── PutOff                 try again after `retry_after_s`
│   ├── TooOften           this address asks too often
│   ├── TooManyPending     too many machines wait
│   └── CoolDown           too many wrong codes in the last hour
├── RequestUnknown         the request expired, or another member is router now: ask again
├── RequestDenied          somebody said no; `retry_after_s` until the machine may ask again
├── CodeRefused
│   ├── NoCode             no member shows a code
│   ├── MistypedCode       not six digits
│   ├── WrongCode          with `tries_left`
│   ├── CodeExpired        60 s are over
│   └── CodeUsedUp         a machine joined with it, or it was tried too often
└── TokenRefused
    ├── BadToken           the text isn't a whole token
    ├── TokenUnknown, TokenExpired, TokenUsedUp, TokenRevoked
"""

from math import ceil
from typing import ClassVar


class PairingError(Exception):
    """Anything that keeps a machine from joining; nothing was changed."""

    code: ClassVar[str] = "refused"
    text: ClassVar[str] = "The cluster refused this machine."

    def __init__(
        self, detail: str = "", *, retry_after_s: float | None = None, tries_left: int | None = None
    ) -> None:
        self.retry_after_s = retry_after_s
        self.tries_left = tries_left
        told = self.text
        if detail:
            told = f"{told.removesuffix('.')} ({detail})."
        if tries_left is not None:
            told += f" Tries left: {tries_left}."
        if retry_after_s is not None:
            told += f" Try again in {_span(retry_after_s)}."
        super().__init__(told)


def _span(seconds: float) -> str:
    return f"{ceil(seconds)} s" if seconds <= 120 else f"{ceil(seconds / 60)} minutes"


class MalformedMessage(PairingError):
    code = "malformed"
    text = "Not a pairing message; the sender may run another version."


class VersionMismatch(PairingError):
    code = "version"
    text = "The two machines speak different versions of the pairing protocol. Update the older one."


class TranscriptMismatch(PairingError):
    code = "mismatch"
    text = (
        "The two machines did not see the same messages: somebody may be between them. Nothing was joined."
        " Check the network, then try again."
    )


class NodeRemoved(PairingError):
    code = "removed"
    text = (
        "This machine was removed from the cluster, and its key stays refused."
        " Let it leave (`corral cluster leave`), which makes a new key, then join again."
    )


class OtherCluster(PairingError):
    code = "other_cluster"
    text = "The machine that answered belongs to another cluster than the token."


class UnknownRefusal(PairingError):
    code = "refused"
    text = "The cluster refused this machine for a reason that this version doesn't know. Update Corral here."


class PutOff(PairingError):
    code = "put_off"
    text = "The cluster can't take this machine just now."


class TooOften(PutOff):
    code = "too_often"
    text = "This address asked to join too often."


class TooManyPending(PutOff):
    code = "too_many"
    text = "Too many machines wait to join. Approve or deny some of them, or join with a code or a token."


class CoolDown(PutOff):
    code = "cool_down"
    text = "Too many wrong codes were typed in the last hour."


class RequestUnknown(PairingError):
    code = "request_unknown"
    text = "The request to join isn't there any more: it expired, or another machine took over. Ask again."


class RequestDenied(PairingError):
    code = "denied"
    text = "The request to join was denied."


class CodeRefused(PairingError):
    code = "code"
    text = "The code was refused."


class NoCode(CodeRefused):
    code = "no_code"
    text = "No member shows a code. Let one show a code (`corral cluster code`) and type it within 60 s."


class MistypedCode(CodeRefused):
    code = "mistyped_code"
    text = "A code has six digits. Type it as the other machine shows it."


class WrongCode(CodeRefused):
    code = "wrong_code"
    text = "That isn't the code that the cluster shows, or somebody is between the two machines."


class CodeExpired(CodeRefused):
    code = "code_expired"
    text = "The code is no longer shown. Let the member show a new one."


class CodeUsedUp(CodeRefused):
    code = "code_used_up"
    text = "The code is used up. Let the member show a new one."


class TokenRefused(PairingError):
    code = "token"
    text = "The invite token was refused."


class BadToken(TokenRefused):
    code = "bad_token"
    text = "Not a whole invite token. Copy all of the line that `corral cluster invite` printed."


class TokenUnknown(TokenRefused):
    code = "token_unknown"
    text = "The cluster doesn't know this invite token. Make a new one (`corral cluster invite`)."


class TokenExpired(TokenRefused):
    code = "token_expired"
    text = "The invite token expired. Make a new one (`corral cluster invite`)."


class TokenUsedUp(TokenRefused):
    code = "token_used_up"
    text = "All uses of the invite token are taken. Make a new one (`corral cluster invite`)."


class TokenRevoked(TokenRefused):
    code = "token_revoked"
    text = "The invite token was revoked. Make a new one (`corral cluster invite`)."
