"""Chat answers, read back with the official client's types."""

import json
from collections.abc import Sequence

from openai.types.chat import ChatCompletion, ChatCompletionChunk

from corral.app.openai.chat_document import ChatDocument
from corral.app.openai.chat_stream import ChatStream
from corral.app.openai.translation import AnswerHead
from corral.engines.events import (
    Done,
    Event,
    Finished,
    Started,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
)

HEAD = AnswerHead(id="chatcmpl-1", created=5, model="m")
DONE = Done(prompt_tokens=3, completion_tokens=4, cached_tokens=2, reasoning_tokens=1)
TEXT: list[Event] = [
    Started(prompt_tokens=3, cached_tokens=2),
    TextDelta(index=0, text="hm", reasoning=True),
    TextDelta(index=0, text='say "hé"\n'),
    TextDelta(index=0, text="🙂"),
    Finished(index=0, reason="stop"),
    DONE,
]
TOOL: list[Event] = [
    Started(prompt_tokens=3, cached_tokens=0),
    ToolCallDelta(index=0, call=0, id="c0", name="weather"),
    ToolCallDelta(index=0, call=0, arguments='{"city":'),
    ToolCallDelta(index=0, call=0, arguments='"Ulm"}'),
    ToolCallDelta(index=0, call=1, id="c1", name="clock", arguments="{}"),
    Finished(index=0, reason="tool_calls"),
    DONE,
]
LOGPROB = TokenLogprob(
    token="é",
    logprob=-0.5,
    data="é".encode(),
    top=(TokenLogprob(token="x", logprob=float("-inf"), data=b"x"),),
)


def streamed(
    events: Sequence[Event], *, choices: int = 1, include_usage: bool = False, functions: bool = False
) -> list[ChatCompletionChunk]:
    writer = ChatStream(HEAD, choices=choices, include_usage=include_usage, functions=functions)
    text = b"".join(writer.write(event) for event in events).decode()
    *events_text, rest = text.split("\n\n")
    assert rest == ""
    assert events_text.pop() == "data: [DONE]"
    return [
        ChatCompletionChunk.model_validate(json.loads(each.removeprefix("data: ")), strict=True)
        for each in events_text
    ]


def whole(
    events: Sequence[Event], *, choices: int = 1, logprobs: bool = False, functions: bool = False
) -> ChatCompletion:
    writer = ChatDocument(HEAD, choices=choices, logprobs=logprobs, functions=functions)
    for event in events:
        writer.add(event)
    return ChatCompletion.model_validate(json.loads(writer.document()), strict=True)


def test_a_streamed_text() -> None:
    chunks = streamed(TEXT)
    assert [chunk.id for chunk in chunks] == ["chatcmpl-1"] * 5
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[1].choices[0].delta.model_extra == {"reasoning_content": "hm"}
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == 'say "hé"\n🙂'
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * 4 + ["stop"]
    assert all(chunk.usage is None for chunk in chunks)


def test_usage_comes_last_if_asked_for() -> None:
    *others, last = streamed(TEXT, include_usage=True)
    assert all(chunk.usage is None for chunk in others)
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.total_tokens == 7
    assert last.usage.prompt_tokens_details is not None
    assert last.usage.prompt_tokens_details.cached_tokens == 2
    assert last.usage.completion_tokens_details is not None
    assert last.usage.completion_tokens_details.reasoning_tokens == 1


def test_streamed_tool_calls() -> None:
    chunks = streamed(TOOL)
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    assert [(call.index, call.id, call.type) for call in calls] == [
        (0, "c0", "function"),
        (0, None, None),
        (0, None, None),
        (1, "c1", "function"),
    ]
    functions = [call.function for call in calls if call.function is not None]
    assert [function.name for function in functions] == ["weather", None, None, "clock"]
    assert [function.arguments for function in functions] == ["", '{"city":', '"Ulm"}', "{}"]
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_the_deprecated_form_of_a_call() -> None:
    chunks = streamed(TOOL[:4] + TOOL[-2:], functions=True)
    calls = [chunk.choices[0].delta.function_call for chunk in chunks]
    assert "".join(call.arguments or "" for call in calls if call is not None) == '{"city":"Ulm"}'
    assert chunks[-1].choices[0].finish_reason == "function_call"
    (choice,) = whole(TOOL, functions=True).choices
    assert choice.finish_reason == "function_call"
    assert choice.message.function_call is not None
    assert choice.message.function_call.name == "weather"


def test_logprobs() -> None:
    events: list[Event] = [
        TextDelta(index=0, text="é", logprobs=(LOGPROB,)),
        Finished(index=0, reason="length"),
        DONE,
    ]
    streamed_logprobs = streamed(events)[0].choices[0].logprobs
    (choice,) = whole(events, logprobs=True).choices
    for logprobs in (streamed_logprobs, choice.logprobs):
        assert logprobs is not None
        assert logprobs.content is not None
        (entry,) = logprobs.content
        assert (entry.token, entry.logprob, entry.bytes) == ("é", -0.5, [195, 169])
        assert [(top.token, top.logprob) for top in entry.top_logprobs] == [("x", -9999.0)]
    assert choice.finish_reason == "length"


def test_two_choices() -> None:
    events: list[Event] = [
        Started(prompt_tokens=1, cached_tokens=0),
        TextDelta(index=1, text="b"),
        TextDelta(index=0, text="a"),
        Finished(index=1, reason="stop"),
        TextDelta(index=0, text="a"),
        Finished(index=0, reason="length"),
        DONE,
    ]
    chunks = streamed(events, choices=2)
    assert [chunk.choices[0].index for chunk in chunks] == [0, 1, 1, 0, 1, 0, 0]
    assert [chunk.choices[0].delta.role for chunk in chunks[:2]] == ["assistant", "assistant"]
    answer = whole(events, choices=2)
    assert [(choice.message.content, choice.finish_reason) for choice in answer.choices] == [
        ("aa", "length"),
        ("b", "stop"),
    ]


def test_a_whole_answer() -> None:
    answer = whole(TEXT)
    (choice,) = answer.choices
    assert choice.message.content == 'say "hé"\n🙂'
    assert choice.message.model_extra == {"reasoning_content": "hm"}
    assert choice.logprobs is None
    assert answer.usage is not None
    assert answer.usage.total_tokens == 7


def test_whole_tool_calls() -> None:
    (choice,) = whole(TOOL).choices
    assert choice.message.content is None
    assert choice.finish_reason == "tool_calls"
    calls = [call for call in choice.message.tool_calls or () if call.type == "function"]
    assert [(call.id, call.function.name, call.function.arguments) for call in calls] == [
        ("c0", "weather", '{"city":"Ulm"}'),
        ("c1", "clock", "{}"),
    ]
