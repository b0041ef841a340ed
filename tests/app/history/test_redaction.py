"""What the history does not keep."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.app.history.redaction import MAX_TEXT, SECRET_NAMES, is_harmless, kept, readable, redacted

KEY = "sk_" + "a1" * 16
PICTURE = "A" * 400


@pytest.mark.parametrize(
    ("value", "expected"),
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
def test_values(value: object, expected: object) -> None:
    assert redacted(value) == expected


def kept_of(source: str) -> str:
    return kept(source, harmless=is_harmless(source))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('{"a": "b"}', '{"a": "b"}'),  # as it came
        ('{"a": [1, 2.50, "ü"]}', '{"a": [1, 2.50, "ü"]}'),
        (f'{{"a": "{KEY}"}}', '{"a":"sk_***"}'),
        (f'{{"a": "{PICTURE}"}}', '{"a":"[redacted base64 len=400]"}'),
        (f"Bearer {KEY}", "Bearer ***"),
        ('{"broken": "off', '{"broken": "off'),
        ("", ""),
    ],
)
def test_bodies(source: str, text: str) -> None:
    assert kept_of(source) == text


def test_one_look_at_two_bodies_is_enough() -> None:
    pair = ('{"a": "b"}', f'{{"a": "{KEY}"}}')
    harmless = is_harmless("\n".join(pair))
    assert [kept(each, harmless=harmless) for each in pair] == ['{"a":"b"}', '{"a":"sk_***"}']


PLANTED = (
    KEY,
    "Bearer abc.def",
    "password=hunter2",
    "X-Api-Key: abc",
    f"data:image/png;base64,{PICTURE}",
    PICTURE,
    "https://anna:pw@example.org/",
    "?token=abc",
    "a word, and key and token and \\u0041 and /",
    "\u212aey=abc",
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(0, 1)
    | st.text(max_size=8)
    | st.sampled_from(PLANTED),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(st.floats(0, 1), min_size=33, max_size=34)
        | st.dictionaries(st.sampled_from(("content", "role", *SECRET_NAMES, "X-Api-Key")), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(values, st.booleans())
def test_one_look_at_a_body_finds_all_that_a_look_at_each_value_does(value: object, ascii_only: bool) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only)
    for source in (body, body.replace("/", "\\/")):
        expected, found = redacted(json.loads(source)), kept_of(source)
        assert found == expected or json.loads(found) == expected


@pytest.mark.parametrize("name", sorted(SECRET_NAMES))
def test_secret_names_are_found_whatever_their_form(name: str) -> None:
    for form in (name, name.upper(), name.replace("_", "-"), name.title()):
        assert json.loads(kept_of(json.dumps({form: "abc", "x": "y"}))) == {form: "***", "x": "y"}


def nested(value: str, depth: int) -> str:
    return '{"a": [' * depth + json.dumps(value) + "]}" * depth


@pytest.mark.parametrize(("depth", "shown_as"), [(20, "whole"), (100, "cut off"), (2000, "text")])
def test_deep_bodies_are_kept_and_can_be_read(depth: int, shown_as: str) -> None:
    harmless = nested("x", depth)
    assert kept_of(harmless) == harmless  # there is nothing to take out
    shown = orjson.dumps(readable(harmless)).decode()  # it takes less depth than it reads
    if shown_as == "whole":
        assert json.loads(shown) == json.loads(harmless)
    elif shown_as == "cut off":
        assert "[nested too deep]" in shown
    else:
        assert orjson.loads(shown) == harmless
    secret = kept_of(nested(KEY, depth))
    assert KEY not in secret and orjson.dumps(readable(secret))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", ""),
        ('{"a": [1, "b"]}', {"a": [1, "b"]}),
        ('{"cut', '{"cut'),
        (json.dumps([[]] * 100), [[]] * 100),
    ],
)
def test_what_was_kept_is_read_as_what_it_is(text: str, value: object) -> None:
    assert readable(text) == value


def test_nothing_goes_on_without_end() -> None:
    long = kept_of(json.dumps({"a": "word " * MAX_TEXT}))
    assert long.endswith(" characters]") and len(long) < MAX_TEXT + 100
