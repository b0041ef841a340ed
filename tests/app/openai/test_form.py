"""Multipart forms: where their parts are, what of them the history keeps, and what is refused."""

import httpx
import pytest

from corral.app.openai.form import MOST_PARTS, is_form, parse_form
from corral.engines.errors import InvalidRequest

TYPE = "multipart/form-data; boundary=X"


def encoded(data: dict[str, object], files: list[tuple[str, tuple[str, bytes, str]]]) -> tuple[str, bytes]:
    """As a client library writes it."""
    request = httpx.Request("POST", "http://h/", data=data, files=files)
    return request.headers["content-type"], request.read()


def test_a_form_of_a_client_library() -> None:
    sound = bytes(range(256)) + b"\r\n--not-the-boundary\r\n\r\n"
    kind, body = encoded(
        {"model": "whisper", "temperature": "0.5", "timestamp_granularities[]": ["word", "segment"]},
        [("file", ("ä.wav", sound, "audio/wav"))],
    )
    form = parse_form(kind, body)
    assert form.fields() == {
        "model": "whisper",
        "temperature": "0.5",
        "timestamp_granularities": ["word", "segment"],
        "file": {"filename": "ä.wav", "content_type": "audio/wav", "size_bytes": len(sound)},
    }
    assert form.redacted()["file"] == f"[redacted audio/wav len={len(sound)}]"
    (file,) = [part for part in form.parts if part.filename]
    assert body[file.start : file.end] == sound


def test_another_model_changes_nothing_else() -> None:
    kind, body = encoded({"model": "here", "prompt": "model"}, [("file", ("f", b"here", "audio/wav"))])
    changed = parse_form(kind, body).with_text("model", "there/ü")
    assert changed == body.replace(b"\r\n\r\nhere\r\n", "\r\n\r\nthere/ü\r\n".encode(), 1)
    assert parse_form(kind, changed).fields()["model"] == "there/ü"


def test_several_pictures() -> None:
    files = [("image[]", (f"{name}.png", b"png", "image/png")) for name in "ab"]
    form = parse_form(*encoded({}, files))
    assert [each["filename"] for each in form.fields()["image"]] == ["a.png", "b.png"]
    assert form.redacted()["image"] == ["[redacted image/png len=3]"] * 2


PART = b'--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'


@pytest.mark.parametrize(
    "body",
    [
        b"preamble\r\n" + PART + b"--X--\r\nepilogue",
        PART + b"--X--",
        PART.replace(b"--X\r\n", b"--X  \r\n") + b"--X--",
        PART.replace(b"\r\n1\r\n", b"\r\n\r\n") + PART + b"--X--",
    ],
)
def test_unusual_forms(body: bytes) -> None:
    assert "1" in str(parse_form(TYPE, body).fields()["a"])


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("multipart/form-data", PART + b"--X--", "boundary"),
        ('multipart/form-data; boundary="' + "b" * 300 + '"', PART + b"--X--", "boundary"),
        (TYPE, b"", "boundary"),
        (TYPE, b"--Y\r\n", "boundary"),
        (TYPE, PART, "cut off"),
        (TYPE, b"--X", "cut off"),
        (TYPE, b"--X\r\n", "cut off"),
        (TYPE, b"--X\r\nno end of the head", "cut off"),
        (TYPE, PART + b"--Xjunk\r\n\r\n\r\n--X--", "cut off"),
        (TYPE, PART.replace(b'; name="a"', b"") + b"--X--", "no `name`"),
        (TYPE, PART * (MOST_PARTS + 1) + b"--X--", "parts"),
        (TYPE, PART.replace(b"\r\n1\r\n", b"\r\n" + b"1" * 2**21 + b"\r\n") + b"--X--", "too long"),
    ],
)
def test_what_is_refused(kind: str, body: bytes, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        parse_form(kind, body)


@pytest.mark.parametrize(
    ("kind", "yes"), [(TYPE, True), ("Multipart/Form-Data", True), ("application/json", False), ("", False)]
)
def test_media_types(kind: str, yes: bool) -> None:
    assert is_form(kind) is yes
