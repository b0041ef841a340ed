"""What goes over the wire: the same bytes as ever, bounded, and nothing else gets in."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corral.peers.pairing import errors, messages
from corral.peers.pairing.errors import MalformedMessage, PairingError, UnknownRefusal, VersionMismatch
from corral.peers.pairing.messages import (
    MOST_BYTES,
    PATHS,
    Admitted,
    Answer,
    Ask,
    BeginCode,
    BeginToken,
    ConfirmCode,
    Offer,
    Poll,
    ProveToken,
    Refused,
    Request,
    Reveal,
    Share,
    ShareCode,
    Waiting,
    decode_answer,
    decode_request,
    encode,
    error_of,
    refusal_of,
    shown_name,
)

GOLDEN = Path(__file__).parent / "golden"  # one folder for each version: what its machines send

ID = "0123456789abcdef" * 2
HASH = bytes(range(32))
DER = b"certificate"
REQUESTS: dict[str, Request] = {
    "ask": Ask(certificate=DER, name="laptop-2", commitment=HASH),
    "reveal": Reveal(exchange=ID, nonce=HASH, signature=HASH * 2),
    "poll": Poll(exchange=ID),
    "begin_code": BeginCode(certificate=DER, name="Büro 2"),
    "share_code": ShareCode(exchange=ID, share=b"A" + HASH),
    "confirm_code": ConfirmCode(exchange=ID, proof=HASH, signature=HASH * 2),
    "begin_token": BeginToken(certificate=DER, name="rack-7", token=ID, nonce=HASH),
    "prove_token": ProveToken(exchange=ID, proof=HASH * 2, signature=HASH * 2),
}
ANSWERS: dict[str, Answer] = {
    "offer": Offer(exchange=ID, certificate=DER, cluster=ID, cluster_name="home", nonce=HASH, proof=HASH),
    "waiting": Waiting(exchange=ID, nonce=HASH),
    "share": Share(exchange=ID, share=b"B" + HASH),
    "admitted": Admitted(
        exchange=ID, signature=HASH * 2, proof=HASH, addresses=("192.168.1.2:32769", "[fd00::2]:32769")
    ),
    "refused": Refused(code="wrong_code", tries_left=2, retry_after_s=1.5),
}
MESSAGES: dict[str, Request | Answer] = {**REQUESTS, **ANSWERS}
KINDS = [
    each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, PairingError) and each is not PairingError
]


def read(name: str, body: bytes) -> Request | Answer:
    return decode_request(body) if name in REQUESTS else decode_answer(body)


@pytest.mark.parametrize("name", MESSAGES)
def test_what_every_version_sent_is_understood(name: str) -> None:
    versions = sorted(GOLDEN.iterdir())
    assert [each.name for each in versions] == [f"v{n}" for n in range(1, messages.VERSION + 1)]
    for version in versions:
        assert read(name, (version / f"{name}.json").read_bytes().strip()) == MESSAGES[name]


@pytest.mark.parametrize("name", MESSAGES)
def test_what_this_version_sends(name: str) -> None:
    golden = GOLDEN / f"v{messages.VERSION}" / f"{name}.json"
    assert encode(MESSAGES[name]) == golden.read_bytes().strip()


def test_every_message_is_there() -> None:
    assert {type(each) for each in REQUESTS.values()} == set(PATHS)
    assert len(set(PATHS.values())) == len(PATHS) and all(
        path.startswith("/pair/") for path in PATHS.values()
    )


def test_unknown_fields_are_ignored_and_missing_ones_have_defaults() -> None:
    body = f'{{"kind": "poll", "exchange": "{ID}", "new": [{{"a": 1}}]}}'.encode()
    assert decode_request(body) == Poll(exchange=ID)


@pytest.mark.parametrize(
    ("version", "expected"),
    [(0, VersionMismatch), (2, VersionMismatch), (-1, MalformedMessage), (10**30, MalformedMessage)],
)
def test_other_versions_are_told_so(version: int, expected: type[PairingError]) -> None:
    body = f'{{"kind": "poll", "version": {version}, "exchange": {{}}}}'.encode()
    with pytest.raises(expected, match="version"):
        decode_request(body)
    with pytest.raises(expected, match="version"):
        decode_answer(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b'{"kind": "drop"}',
        b'{"kind": "poll"}',
        b'{"kind": "poll", "exchange": "' + b"A" * 32 + b'"}',
        b'{"kind": "poll", "exchange": "' + b"0" * 32 + b'\\n"}',
        encode(ANSWERS["waiting"]),
        encode(msgspec.structs.replace(REQUESTS["ask"], name="")),
        encode(msgspec.structs.replace(REQUESTS["ask"], name="x" * 65)),
        encode(msgspec.structs.replace(REQUESTS["ask"], name="a\x1b[2Jb")),
        encode(msgspec.structs.replace(REQUESTS["ask"], name="a\u202eb")),
        encode(msgspec.structs.replace(REQUESTS["ask"], name=" a")),
        encode(msgspec.structs.replace(REQUESTS["ask"], certificate=bytes(4097))),
        encode(msgspec.structs.replace(REQUESTS["ask"], commitment=bytes(31))),
        encode(msgspec.structs.replace(REQUESTS["share_code"], share=bytes(34))),
        encode(msgspec.structs.replace(REQUESTS["reveal"], signature=bytes(129))),
        encode(REQUESTS["poll"])[:-1],
        encode(REQUESTS["poll"])[:-1] + b', "later": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        encode(REQUESTS["poll"]) + b" " * MOST_BYTES,
    ],
    ids=lambda body: body[:60].decode(errors="replace") + f" {len(body)}",
)
def test_what_is_no_request(body: bytes) -> None:
    with pytest.raises(MalformedMessage, match="Not a pairing message"):
        decode_request(body)


@pytest.mark.parametrize(
    "body",
    [
        encode(REQUESTS["poll"]),
        encode(msgspec.structs.replace(ANSWERS["offer"], cluster_name="a\x07")),
        encode(msgspec.structs.replace(ANSWERS["waiting"], poll_after_s=-1.0)),
        encode(msgspec.structs.replace(ANSWERS["waiting"], poll_after_s=1e9)),
        encode(msgspec.structs.replace(ANSWERS["admitted"], addresses=("a",) * 33)),
        encode(msgspec.structs.replace(ANSWERS["refused"], code="<b>")),
        encode(msgspec.structs.replace(ANSWERS["refused"], retry_after_s=1e12)),
    ],
    ids=lambda body: body[:60].decode(errors="replace"),
)
def test_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode_answer(body)


@settings(deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_garbage(body: bytes) -> None:
    for decode in (decode_request, decode_answer):
        with pytest.raises(PairingError):
            decode(body)


@settings(deadline=None)
@given(name=st.sampled_from(sorted(MESSAGES)), data=st.data())
def test_messages_with_something_wrong(name: str, data: st.DataObject) -> None:
    told = msgspec.json.decode(encode(MESSAGES[name]))
    field = data.draw(st.sampled_from(sorted(told)))
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40)
    told[field] = data.draw(scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.text(), scalars))
    try:
        body = msgspec.json.encode(told)
    except (OverflowError, UnicodeEncodeError):  # no JSON of msgspec's
        return
    try:
        read(name, body)
    except PairingError as error:
        assert len(str(error)) < 1000


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_refusal_is_the_same_error_on_the_other_side(kind: type[PairingError]) -> None:
    sent = decode_answer(encode(refusal_of(kind("secret detail", retry_after_s=90, tries_left=1))))
    assert isinstance(sent, Refused)
    error = error_of(sent)
    assert type(error) is kind
    assert (error.retry_after_s, error.tries_left) == (90, 1)
    assert str(error).endswith("Tries left: 1. Try again in 90 s.") and "secret" not in str(error)


def test_codes_of_errors_differ() -> None:
    assert len({each.code for each in KINDS}) == len(KINDS)


def test_refusals_of_a_later_version() -> None:
    error = error_of(Refused(code="something_new"))
    assert type(error) is UnknownRefusal and "Update Corral" in str(error)
    assert refusal_of(errors.CoolDown(retry_after_s=1e9)).retry_after_s == 86_400


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("laptop", "laptop"),
        ("  Büro 2 ", "Büro 2"),
        ("a\x1b\u202eb", "a  b"),
        ("", "unnamed"),
        ("\n", "unnamed"),
        ("x" * 100, "x" * 64),
        ("x" * 63 + " y", "x" * 63),
    ],
)
def test_names_that_may_travel(name: str, shown: str) -> None:
    assert shown_name(name) == shown
    assert decode_request(encode(BeginCode(certificate=DER, name=shown)))
