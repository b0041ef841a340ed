"""Gemini's answers as events."""

import struct
from typing import Any

import pytest

from corral.app.cloud.errors import AnswerCutOff, CloudFailed
from corral.app.cloud.google_answer import GoogleAnswer, GoogleEmbeddings
from corral.app.cloud.thoughts import Thoughts
from corral.engines.events import (
    Done,
    EmbeddingResult,
    Event,
    Finished,
    Started,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
)

Json = dict[str, Any]
USAGE = {
    "promptTokenCount": 9,
    "candidatesTokenCount": 4,
    "thoughtsTokenCount": 3,
    "cachedContentTokenCount": 5,
}


def candidate(*parts: Json, reason: str | None = None, **fields: Any) -> Json:
    found: Json = {"content": {"role": "model", "parts": list(parts)}, **fields}
    return found | ({} if reason is None else {"finishReason": reason})


def answer(*candidates: Json, **fields: Any) -> Json:
    return {"candidates": list(candidates), "usageMetadata": USAGE, **fields}


def text_events(events: list[Event]) -> list[Event]:
    return [each for each in events if isinstance(each, TextDelta | ToolCallDelta | Finished)]


def test_a_document() -> None:
    events = GoogleAnswer(Thoughts()).document(
        answer(candidate({"text": "hm", "thought": True}, {"text": "Hi"}, reason="STOP"))
    )
    assert events == [
        Started(prompt_tokens=9, cached_tokens=5),
        TextDelta(index=0, text="hm", reasoning=True),
        TextDelta(index=0, text="Hi"),
        Finished(index=0, reason="stop"),
        Done(prompt_tokens=9, completion_tokens=7, cached_tokens=5, reasoning_tokens=3),
    ]


def test_a_stream() -> None:
    reader = GoogleAnswer(Thoughts())
    assert reader.event(
        {"candidates": [candidate({"text": "H"})], "usageMetadata": {"promptTokenCount": 2}}
    ) == [
        Started(prompt_tokens=2, cached_tokens=0),
        TextDelta(index=0, text="H"),
    ]
    assert reader.event({"candidates": [candidate({"text": "i"}, reason="MAX_TOKENS")]}) == [
        TextDelta(index=0, text="i")
    ]
    assert reader.event({"usageMetadata": {"candidatesTokenCount": 2}}) == []
    assert reader.end() == [Finished(index=0, reason="length"), Done(prompt_tokens=2, completion_tokens=2)]


def test_calls() -> None:
    thoughts = Thoughts()
    reader = GoogleAnswer(thoughts, make_id=lambda: "new")
    events = reader.document(
        answer(
            candidate(
                {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "S"},
                {"functionCall": {"name": "g", "id": "own"}},
                reason="STOP",
            )
        )
    )
    assert text_events(events) == [
        ToolCallDelta(index=0, call=0, id="new", name="f", arguments='{"a":1}'),
        ToolCallDelta(index=0, call=1, id="own", name="g", arguments="{}"),
        Finished(index=0, reason="tool_calls"),
    ]
    assert thoughts.of("new") == "S"


def test_one_call_at_most_where_the_client_wants_that() -> None:
    call = {"functionCall": {"name": "f", "id": "a"}}
    events = GoogleAnswer(Thoughts(), most_calls=1).document(answer(candidate(call, call, reason="STOP")))
    assert sum(isinstance(each, ToolCallDelta) for each in events) == 1


@pytest.mark.parametrize(
    ("reason", "finished"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("OTHER", "stop"),
        ("MALFORMED_FUNCTION_CALL", "stop"),
    ],
)
def test_why_it_ended(reason: str, finished: Any) -> None:
    events = GoogleAnswer(Thoughts()).document(answer(candidate(reason=reason)))
    assert text_events(events) == [Finished(index=0, reason=finished)]


def test_a_blocked_prompt() -> None:
    events = GoogleAnswer(Thoughts(), choices=2).document({"promptFeedback": {"blockReason": "SAFETY"}})
    assert text_events(events) == [Finished(index=index, reason="content_filter") for index in (0, 1)]


def test_several_choices() -> None:
    events = GoogleAnswer(Thoughts(), choices=2).document(
        answer(
            candidate({"text": "a"}, reason="STOP"),
            candidate({"text": "b"}, reason="MAX_TOKENS", index=1),
            candidate({"text": "nobody asked"}, reason="STOP", index=2),
        )
    )
    assert text_events(events) == [
        TextDelta(index=0, text="a"),
        TextDelta(index=1, text="b"),
        Finished(index=0, reason="stop"),
        Finished(index=1, reason="length"),
    ]


def test_probabilities() -> None:
    result = {
        "chosenCandidates": [{"token": "é", "logProbability": -0.5}],
        "topCandidates": [
            {"candidates": [{"token": "é", "logProbability": -0.5}, {"token": "e", "logProbability": -1}]}
        ],
    }
    events = GoogleAnswer(Thoughts()).document(
        answer(candidate({"text": "é"}, reason="STOP", logprobsResult=result))
    )
    best = TokenLogprob(token="é", logprob=-0.5, data="é".encode())
    other = TokenLogprob(token="e", logprob=-1.0, data=b"e")
    token = TokenLogprob(token="é", logprob=-0.5, data="é".encode(), top=(best, other))
    assert text_events(events)[0] == TextDelta(index=0, text="é", logprobs=(token,))


def test_an_error_inside_a_stream() -> None:
    with pytest.raises(CloudFailed, match="overloaded"):
        GoogleAnswer(Thoughts()).event({"error": {"code": 503, "message": "overloaded"}})


def test_a_stream_that_is_cut_off() -> None:
    reader = GoogleAnswer(Thoughts())
    reader.event({"candidates": [candidate({"text": "H"})]})
    with pytest.raises(AnswerCutOff):
        reader.end()


def test_embeddings() -> None:
    events = GoogleEmbeddings().document({"embeddings": [{"values": [1.0, 0.5]}, {"values": [0, 1]}]})
    assert events == [
        EmbeddingResult(vectors=(struct.pack("<2f", 1, 0.5), struct.pack("<2f", 0, 1))),
        Done(prompt_tokens=0),
    ]
    with pytest.raises(CloudFailed):
        GoogleEmbeddings().document({"embeddings": []})
