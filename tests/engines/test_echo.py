"""What the echo engine answers."""

import math
import struct

import pytest

from corral.engines.echo_answers import answer_to, embed, overlap, result_for
from corral.engines.errors import ContextLengthExceeded, ModelLacksCapability, UnsupportedSchema
from corral.engines.events import Done, EmbeddingResult, Event, Finished, RerankResult, TextDelta
from corral.engines.requests import (
    ChatRequest,
    CompletionRequest,
    ContinuedChat,
    EmbeddingRequest,
    Generation,
    JsonObject,
    Message,
    RerankRequest,
    ToolChoice,
)
from tests.engines.echo_files import chat


def whole(request: ChatRequest | CompletionRequest, context: int = 100) -> list[Event]:
    answer = answer_to(request, context)
    events: list[Event] = []
    while not events or not isinstance(events[-1], Done):
        events += answer.step()
    return events


@pytest.mark.parametrize(
    ("request_", "text", "reason", "prompt", "completion"),
    [
        (chat("a  b\nc"), "a  b\nc", "stop", 3, 3),
        (chat(""), "", "stop", 0, 0),
        (chat("a b c", Generation(max_tokens=2)), "a b", "length", 3, 2),
        (chat("a b c", Generation(stop=("c", "b"))), "a", "stop", 3, 1),
        (CompletionRequest(prompt=(7, 8)), "7 8", "stop", 2, 2),
        (CompletionRequest(prompt="a b", echo=True), "a ba b", "stop", 2, 3),
        (
            ChatRequest(
                messages=(Message(role="system", content="be brief"), Message(role="user", content="hi"))
            ),
            "hi",
            "stop",
            3,
            1,
        ),
        (
            ContinuedChat(messages=(Message(role="user", content="a  b c d"),), answer_so_far="a  b"),
            " c d",
            "stop",
            6,
            2,
        ),
    ],
)
def test_the_prompts_words_come_back(
    request_: ChatRequest | CompletionRequest, text: str, reason: str, prompt: int, completion: int
) -> None:
    events = whole(request_)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == text
    assert [event.reason for event in events if isinstance(event, Finished)] == [reason]
    assert events[-1] == Done(prompt_tokens=prompt, completion_tokens=completion)


def test_every_choice_says_the_same_in_step() -> None:
    events = whole(chat("a b", Generation(n=2, top_logprobs=0)))
    assert [event.index for event in events if isinstance(event, TextDelta)] == [0, 1, 0, 1]
    assert all(event.logprobs for event in events if isinstance(event, TextDelta))
    assert events[-1] == Done(prompt_tokens=2, completion_tokens=4)


def test_what_can_not_be_echoed_is_refused() -> None:
    with pytest.raises(ContextLengthExceeded, match="100 tokens, but this model's context holds 100"):
        whole(chat("word " * 100))
    with pytest.raises(UnsupportedSchema):
        whole(chat("hi", Generation(output_format=JsonObject())))
    with pytest.raises(ModelLacksCapability):
        whole(ChatRequest(messages=(), tool_choice=ToolChoice(mode="required")))


@pytest.mark.parametrize("dimensions", [64, 10])
def test_embeddings_are_unit_vectors_that_depend_on_the_text_alone(dimensions: int) -> None:
    vector = struct.unpack(f"<{dimensions}f", embed("Hello world", dimensions))
    assert math.isclose(sum(value * value for value in vector), 1, abs_tol=1e-6)
    assert embed("hello WORLD", dimensions) == embed("Hello world", dimensions)
    assert embed("other words", dimensions) != embed("Hello world", dimensions)


@pytest.mark.parametrize(
    ("query", "document", "score"), [("a b", "b c", 0.5), ("a", "A a", 1), ("a", "", 0), ("", "a", 0)]
)
def test_relevance_is_the_share_of_words_found(query: str, document: str, score: float) -> None:
    assert overlap(query, document) == score


def test_one_step_answers_count_their_tokens() -> None:
    vectors, done = result_for(EmbeddingRequest(inputs=("a b", (1, 2, 3))))
    assert isinstance(vectors, EmbeddingResult)
    assert len(vectors.vectors) == 2
    assert done == Done(prompt_tokens=5)
    scores = result_for(RerankRequest(query="a", documents=("a", "b c")))
    assert scores == [RerankResult(scores=(1.0, 0.0)), Done(prompt_tokens=4)]
