"""What the history keeps of a request and its answer, looked at together."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.app.gateway.trace import Trace
from corral.app.history.redaction import redacted
from corral.app.history.row import texts_of, texts_of_each
from corral.engines.events import Finished, TextDelta, ToolCallDelta
from tests.app.history.records import record
from tests.app.history.test_redaction import KEY, PICTURE, values

PLAIN = b'{"a": "b"}'


@pytest.mark.parametrize(
    ("request_body", "answer", "texts"),
    [
        (PLAIN, PLAIN, ('{"a": "b"}', '{"a": "b"}')),
        (PICTURE.encode(), b"no JSON at all", ("[redacted base64 len=400]", "no JSON at all")),
        (PLAIN, f"{PICTURE}".encode(), ('{"a": "b"}', "[redacted base64 len=400]")),
        (PLAIN, f'{{"error": "wrong key {KEY}"}}'.encode(), ('{"a":"b"}', '{"error":"wrong key sk_***"}')),
        (b"", b"", ("", "")),
        (b"\xff\xfe", b"\xff", ("\ufffd\ufffd", "\ufffd")),
        (PLAIN, b"[" + b"0.5," * 40 + b"1]", ('{"a": "b"}', "[41 numbers]")),
    ],
)
def test_bodies(request_body: bytes, answer: bytes, texts: tuple[str, str]) -> None:
    assert texts_of(record(request_body=request_body, answer=[answer])) == texts


@given(values, values)
def test_nothing_stays_that_a_look_at_each_value_takes_out(asked: object, said: object) -> None:
    bodies = [json.dumps(each).encode() for each in (asked, said)]
    texts = texts_of(record(request_body=bodies[0], answer=[bodies[1]]))
    for text, value in zip(texts, (asked, said), strict=True):
        expected = redacted(value)
        assert text == expected or json.loads(text) == expected


def test_of_many_bodies_only_those_change_that_have_to() -> None:
    bodies = [PLAIN, f'{{"a": "{KEY}"}}'.encode(), f'{{"a": "{PICTURE}"}}'.encode(), b'{"a": "\xff"}', b"{"]
    records = [record(request_body=body, answer=[PLAIN]) for body in bodies]
    asked = ['{"a": "b"}', '{"a":"sk_***"}', '{"a":"[redacted base64 len=400]"}', '{"a": "\ufffd"}', "{"]
    assert [each[0] for each in texts_of_each(records)] == asked
    assert texts_of_each(records) == [texts_of(each) for each in records]
    assert texts_of_each([]) == []


@given(st.lists(st.tuples(values, values), max_size=5))
def test_many_are_kept_as_each_alone(pairs: list[tuple[object, object]]) -> None:
    records = [
        record(request_body=json.dumps(asked).encode(), answer=[json.dumps(said).encode()])
        for asked, said in pairs
    ]
    for texts, pair in zip(texts_of_each(records), pairs, strict=True):
        for text, value in zip(texts, pair, strict=True):
            expected = redacted(value)
            assert text == expected or json.loads(text) == expected


@pytest.mark.parametrize(
    ("events", "choices"),
    [
        ([], []),
        ([TextDelta(index=0, text="a"), TextDelta(index=0, text="b")], [("ab", None)]),
        ([TextDelta(index=0, text="a"), Finished(index=0, reason="stop")], [("a", "stop")]),
        ([Finished(index=0, reason="length")], [("", "length")]),
        (
            [TextDelta(index=1, text="b"), TextDelta(index=0, text="a"), Finished(index=1, reason="stop")],
            [("a", None), ("b", "stop")],
        ),
        ([TextDelta(index=0, text="hm", reasoning=True), TextDelta(index=0, text="a")], [("a", None)]),
        ([TextDelta(index=0, text="a"), ToolCallDelta(index=0, call=0, name="f")], [("a", None)]),
    ],
)
def test_events(events: list[Any], choices: list[tuple[str, str | None]]) -> None:
    document = json.loads(texts_of(record(streamed=True, answer=[], trace=Trace(events=events))).answer)
    found = [(each["message"]["content"], each["finish_reason"]) for each in document["choices"]]
    assert found == choices
    assert [each["index"] for each in document["choices"]] == list(range(len(choices)))
