"""What the history does not keep."""

import json

import pytest

from corral.app.history.redaction import MAX_TEXT, kept_text, redacted, redacted_body

KEY = "sk_" + "a1" * 16
PICTURE = "A" * 400


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("hello", "hello"),
        (f"see data:image/png;base64,{PICTURE} there", "see [redacted image/png len=400] there"),
        (f"data:;base64,{PICTURE}", "[redacted data len=400]"),
        (f"data:audio/wav;codecs=1;base64,{PICTURE}", "[redacted audio/wav len=400]"),
        (PICTURE, "[redacted base64 len=400]"),
        ("A" * 40, "A" * 40),
        ("word " * 100, "word " * 100),
        (f"my key is {KEY}", "my key is sk_***"),
        ({"password": "secret", "x": 1}, {"password": "***", "x": 1}),
        ({"api_key": None, "X-Api-Key": "abc"}, {"api_key": None, "X-Api-Key": "***"}),
        ({"token": "Hel", "logprob": -1.5}, {"token": "Hel", "logprob": -1.5}),
        ({"input_audio": {"data": PICTURE}}, {"input_audio": {"data": "[redacted base64 len=400]"}}),
        ([0.5] * 33, "[33 numbers]"),
        ([0.5] * 3, [0.5] * 3),
        ([True] * 40, [True] * 40),
    ],
)
def test_values(value: object, kept: object) -> None:
    assert redacted(value) == kept


def test_bodies() -> None:
    assert redacted_body(b'{"a": "b"}') == {"a": "b"}
    assert kept_text({"a": "b"}) == '{"a":"b"}'
    assert redacted_body(f"Bearer {KEY}".encode()) == "Bearer ***"
    assert redacted_body(b"\xff\xfe") == "\ufffd\ufffd"


def test_nothing_goes_on_without_end() -> None:
    deep: object = "x"
    for _ in range(120):
        deep = [deep]
    assert "nested too deep" in kept_text(redacted_body(json.dumps(deep).encode()))
    long = kept_text(redacted_body(json.dumps({"a": "word " * MAX_TEXT}).encode()))
    assert long.endswith(" characters]") and len(long) < MAX_TEXT + 100
