"""Completions, embeddings and rerank answers, read back with the official client's types."""

import json
import struct
from collections.abc import Sequence

import pytest
from openai.types import Completion, CreateEmbeddingResponse

from corral.app.openai.completion_answer import CompletionDocument, CompletionStream
from corral.app.openai.embeddings import EmbeddingsDocument, EmbeddingsRequest
from corral.app.openai.rerank import RerankBody, RerankDocument
from corral.app.openai.translation import AnswerHead
from corral.app.openai.validation import validated
from corral.engines.errors import InvalidRequest
from corral.engines.events import (
    Done,
    EmbeddingResult,
    Event,
    Finished,
    RerankResult,
    Started,
    TextDelta,
    TokenLogprob,
)

HEAD = AnswerHead(id="cmpl-1", created=5, model="m")
DONE = Done(prompt_tokens=3, completion_tokens=2)


def token(text: str) -> TokenLogprob:
    top = (TokenLogprob(token="x", logprob=-2.0, data=b"x"),)
    return TokenLogprob(token=text, logprob=-1.0, data=text.encode(), top=top)


EVENTS: Sequence[Event] = (
    Started(prompt_tokens=3, cached_tokens=0),
    TextDelta(index=0, text="ab", logprobs=(token("ab"),)),
    TextDelta(index=0, text="c", logprobs=(token("c"),)),
    Finished(index=0, reason="length"),
    DONE,
)


def test_a_whole_completion() -> None:
    writer = CompletionDocument(HEAD, choices=1, logprobs=True)
    for event in EVENTS:
        writer.add(event)
    answer = Completion.model_validate(json.loads(writer.document()), strict=True)
    (choice,) = answer.choices
    assert (choice.text, choice.finish_reason) == ("abc", "length")
    assert choice.logprobs is not None
    assert choice.logprobs.tokens == ["ab", "c"]
    assert choice.logprobs.token_logprobs == [-1.0, -1.0]
    assert choice.logprobs.top_logprobs == [{"x": -2.0}, {"x": -2.0}]
    assert choice.logprobs.text_offset == [0, 2]
    assert answer.usage is not None
    assert answer.usage.total_tokens == 5


def test_an_echoed_prompt_begins_with_a_token_that_has_no_probability() -> None:
    writer = CompletionDocument(HEAD, choices=1, logprobs=True)
    for event in (TextDelta(index=0, text="xyab", logprobs=(token("ab"),)), *EVENTS):
        writer.add(event)
    (choice,) = json.loads(writer.document())["choices"]
    assert choice["text"] == "xyababc"
    assert choice["logprobs"] == {
        "tokens": ["xy", "ab", "ab", "c"],
        "token_logprobs": [None, -1.0, -1.0, -1.0],
        "top_logprobs": [None, {"x": -2.0}, {"x": -2.0}, {"x": -2.0}],
        "text_offset": [0, 2, 4, 6],
    }


def test_a_streamed_completion() -> None:
    writer = CompletionStream(HEAD, choices=1, include_usage=True)
    text = b"".join(writer.write(event) for event in EVENTS).decode()
    *events, done, rest = text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    assert [chunk["choices"][0]["text"] for chunk in chunks[:-1]] == ["ab", "c", ""]
    assert [chunk["choices"][0]["logprobs"]["text_offset"] for chunk in chunks[:2]] == [[0], [2]]
    assert chunks[-2]["choices"][0]["finish_reason"] == "length"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] == 5


@pytest.mark.parametrize("encoded", [True, False])
def test_embeddings(encoded: bool) -> None:
    writer = EmbeddingsDocument(model="m", base64=encoded)
    writer.add(EmbeddingResult(vectors=(struct.pack("<2f", 0.5, -0.25), struct.pack("<2f", 1, 0))))
    writer.add(Done(prompt_tokens=4))
    document = json.loads(writer.document())
    assert document["usage"] == {"prompt_tokens": 4, "total_tokens": 4}
    if encoded:
        assert [entry["embedding"] for entry in document["data"]] == ["AAAAPwAAgL4=", "AACAPwAAAAA="]
    else:
        answer = CreateEmbeddingResponse.model_validate(document)
        assert [entry.embedding for entry in answer.data] == [[0.5, -0.25], [1.0, 0.0]]


@pytest.mark.parametrize(
    ("given", "expected"),
    [("a", ("a",)), (["a", "b"], ("a", "b")), ([1, 2], ((1, 2),)), ([[1], [2]], ((1,), (2,)))],
)
def test_embedding_inputs(given: object, expected: tuple[object, ...]) -> None:
    body = validated(EmbeddingsRequest, {"model": "m", "input": given, "dimensions": 8})
    assert body.engine_request().inputs == expected
    assert body.engine_request().dimensions == 8


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": []}, "input"),
        ({"input": "x", "dimensions": 0}, "dimensions"),
        ({"input": "x", "encoding_format": "hex"}, "encoding_format"),
        ({"input": [["a"]]}, "input.0.0"),
    ],
)
def test_a_wrong_embedding_field_is_named(fields: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        validated(EmbeddingsRequest, {"model": "m", **fields})
    assert caught.value.param == param


def test_rerank() -> None:
    json_body = {
        "model": "m",
        "query": "q",
        "documents": ["a", {"text": "b"}, "c"],
        "top_n": 2,
        "return_documents": True,
    }
    body = validated(RerankBody, json_body)
    assert body.engine_request().documents == ("a", "b", "c")
    writer = RerankDocument(body)
    writer.add(RerankResult(scores=(0.1, 0.9, 0.5)))
    writer.add(Done(prompt_tokens=6))
    document = json.loads(writer.document())
    assert document["results"] == [
        {"index": 1, "relevance_score": 0.9, "document": {"text": "b"}},
        {"index": 2, "relevance_score": 0.5, "document": {"text": "c"}},
    ]
    assert document["usage"]["total_tokens"] == 6
