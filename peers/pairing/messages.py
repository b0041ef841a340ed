"""What a newcomer and a host say to each other: JSON over plain HTTP, one type for each message, at most 64 KiB.

Unknown fields are ignored and missing ones have defaults. A field's meaning never changes; `VERSION` grows when an older reader
would be wrong, and then the two sides say so instead of guessing. Bytes travel as base64.

| way   | newcomer      | host answers |
|-------|---------------|--------------|
| ask   | `Ask`         | `Offer`      |
|       | `Reveal`      | `Waiting` with the host's nonce |
|       | `Poll`        | `Waiting` until somebody decided, then `Admitted` |
| code  | `BeginCode`   | `Offer`      |
|       | `ShareCode`   | `Share`      |
|       | `ConfirmCode` | `Admitted`   |
| token | `BeginToken`  | `Offer` with a proof |
|       | `ProveToken`  | `Admitted`   |

Any of them can be answered by `Refused`.
"""

from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from corral.peers.pairing.errors import MalformedMessage, PairingError, UnknownRefusal, VersionMismatch

VERSION: Final = 1
MOST_BYTES: Final = 64 * 1024
MOST_NAME_CHARACTERS: Final = 64
MOST_ADDRESSES: Final = 32

_T = TypeVar("_T")
_Certificate = Annotated[bytes, Meta(min_length=1, max_length=4096)]  # DER
_Name = Annotated[str, Meta(min_length=1, max_length=MOST_NAME_CHARACTERS)]
_Id = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
_Hash = Annotated[bytes, Meta(min_length=32, max_length=32)]
_Share = Annotated[bytes, Meta(min_length=33, max_length=33)]
_Signature = Annotated[bytes, Meta(min_length=8, max_length=128)]
_Optional = Annotated[bytes, Meta(max_length=32)]
_Address = Annotated[str, Meta(max_length=300)]  # as `Address` reads it
_Seconds = Annotated[float, Meta(ge=0, le=86_400)]


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=True):
    version: int = VERSION


class Ask(_Message, frozen=True, kw_only=True, tag="ask"):
    """Asks for an approval, committed to a nonce that isn't told yet."""

    certificate: _Certificate
    name: _Name
    commitment: _Hash


class Reveal(_Message, frozen=True, kw_only=True, tag="reveal"):
    """Tells the nonce, and proves that the sender has the certificate's key."""

    exchange: _Id
    nonce: _Hash
    signature: _Signature


class Poll(_Message, frozen=True, kw_only=True, tag="poll"):
    """Asks whether somebody decided."""

    exchange: _Id


class BeginCode(_Message, frozen=True, kw_only=True, tag="begin_code"):
    """Wants to join by the code that a member shows."""

    certificate: _Certificate
    name: _Name


class ShareCode(_Message, frozen=True, kw_only=True, tag="share_code"):
    """The newcomer's half of the SPAKE2 exchange."""

    exchange: _Id
    share: _Share


class ConfirmCode(_Message, frozen=True, kw_only=True, tag="confirm_code"):
    """Proves that the newcomer knows the code and has its certificate's key."""

    exchange: _Id
    proof: _Hash
    signature: _Signature


class BeginToken(_Message, frozen=True, kw_only=True, tag="begin_token"):
    """Wants to join by an invite token."""

    certificate: _Certificate
    name: _Name
    token: _Id
    nonce: _Hash


class ProveToken(_Message, frozen=True, kw_only=True, tag="prove_token"):
    """Proves that the newcomer knows the token and has its certificate's key."""

    exchange: _Id
    proof: Annotated[bytes, Meta(min_length=64, max_length=64)]
    signature: _Signature


class Offer(_Message, frozen=True, kw_only=True, tag="offer"):
    """Who the host is. Nothing of it is proven yet, save by the `proof` where there is one."""

    exchange: _Id
    certificate: _Certificate
    cluster: _Id
    cluster_name: _Name
    nonce: _Hash  # on the ask way a commitment to it
    proof: _Optional = b""


class Waiting(_Message, frozen=True, kw_only=True, tag="waiting"):
    """Nobody decided yet."""

    exchange: _Id
    nonce: _Hash
    poll_after_s: _Seconds = 2.0


class Share(_Message, frozen=True, kw_only=True, tag="share"):
    """The host's half of the SPAKE2 exchange."""

    exchange: _Id
    share: _Share


class Admitted(_Message, frozen=True, kw_only=True, tag="admitted"):
    """The newcomer is a member now. The addresses are hints; who answers there is proven by TLS."""

    exchange: _Id
    signature: _Signature
    proof: _Optional = b""
    addresses: Annotated[tuple[_Address, ...], Meta(max_length=MOST_ADDRESSES)] = ()


class Refused(_Message, frozen=True, kw_only=True, tag="refused"):
    """Why not. Only the code travels: whoever shows it makes the text."""

    code: Annotated[str, Meta(pattern=r"^[a-z_]{1,40}\Z")]
    retry_after_s: _Seconds | None = None
    tries_left: Annotated[int, Meta(ge=0, le=1000)] | None = None


Request = Ask | Reveal | Poll | BeginCode | ShareCode | ConfirmCode | BeginToken | ProveToken
Answer = Offer | Waiting | Share | Admitted | Refused

PATHS: Final[dict[type[Request], str]] = {
    Ask: "/pair/ask",
    Reveal: "/pair/reveal",
    Poll: "/pair/poll",
    BeginCode: "/pair/code/begin",
    ShareCode: "/pair/code/share",
    ConfirmCode: "/pair/code/confirm",
    BeginToken: "/pair/token/begin",
    ProveToken: "/pair/token/prove",
}


class _Any(msgspec.Struct, frozen=True):
    version: Annotated[int, Meta(ge=0, le=2**31)] = VERSION


_encoder = msgspec.json.Encoder()
_versions = msgspec.json.Decoder(_Any)
_requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_answers: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


def encode(message: Request | Answer) -> bytes:
    """A message as it goes over the wire."""
    return _encoder.encode(message)


def decode_request(body: bytes) -> Request:
    """What a newcomer says. Raises MalformedMessage or VersionMismatch."""
    request = _decoded(_requests, body)
    _check_name(getattr(request, "name", "-"))
    return request


def decode_answer(body: bytes) -> Answer:
    """What a host answers. Raises MalformedMessage or VersionMismatch."""
    answer = _decoded(_answers, body)
    _check_name(getattr(answer, "cluster_name", "-"))
    return answer


def refusal_of(error: PairingError) -> Refused:
    """An error as it goes over the wire."""
    retry_after_s = None if error.retry_after_s is None else min(max(error.retry_after_s, 0.0), 86_400.0)
    return Refused(code=error.code, retry_after_s=retry_after_s, tries_left=error.tries_left)


def error_of(refused: Refused) -> PairingError:
    """The error that a refusal stands for; its text is this version's own."""
    kind = next((each for each in _kinds(PairingError) if each.code == refused.code), UnknownRefusal)
    return kind(retry_after_s=refused.retry_after_s, tries_left=refused.tries_left)


def shown_name(name: str) -> str:
    """A name that may travel: what of it can be shown, at most 64 characters; "unnamed" if nothing is left."""
    shown = "".join(each if each.isprintable() else " " for each in name).strip()
    return shown[:MOST_NAME_CHARACTERS].strip() or "unnamed"


def _kinds(kind: type[PairingError]) -> list[type[PairingError]]:
    return [each for child in kind.__subclasses__() for each in (child, *_kinds(child))]


def _decoded(decoder: msgspec.json.Decoder[_T], body: bytes) -> _T:
    if len(body) > MOST_BYTES:
        raise MalformedMessage(f"it has {len(body)} bytes, more than {MOST_BYTES}")
    try:
        version = _versions.decode(body).version
        if version != VERSION:
            raise VersionMismatch(f"{version} there, {VERSION} here")
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise MalformedMessage(str(error)) from error


def _check_name(name: str) -> None:
    if not name.isprintable() or name != name.strip():
        raise MalformedMessage("a name holds characters that can't be shown")
