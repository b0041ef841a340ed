"""Reading a stream while it goes by, however its bytes are cut."""

import json

import pytest

from corral.app.upstream.stream_reading import StreamReading


def event(end: bytes = b"\n\n", **fields: object) -> bytes:
    return b"data: " + json.dumps({"model": "/there/m.gguf", **fields}).encode() + end


def word(text: str, end: bytes = b"\n\n") -> bytes:
    return event(end, choices=[{"index": 0, "delta": {"content": text}, "finish_reason": None}])


def fed(reading: StreamReading, data: bytes, size: int) -> bytes:
    pieces = [reading.feed(data[at : at + size]) for at in range(0, len(data), size)]
    return b"".join([*pieces, reading.rest()])


FINISH = event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
USAGE = event(
    choices=[],
    usage={"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}},
)
DONE = b"data: [DONE]\n\n"
STREAM = word("a") + word('say "usage": {} and "error": {}') + b": comment\n\n" + FINISH + USAGE + DONE


@pytest.mark.parametrize("size", [1, 7, 100, len(STREAM)])
@pytest.mark.parametrize("drops", [False, True])
def test_any_cut(size: int, drops: bool) -> None:
    reading = StreamReading(drop_usage=drops, model="here")
    out = fed(reading, STREAM, size)
    wanted = STREAM.replace(USAGE, b"") if drops else STREAM
    assert out == wanted.replace(b"/there/m.gguf", b"here")
    assert reading.usage is not None
    assert (reading.usage.prompt_tokens, reading.usage.completion_tokens, reading.usage.cached_tokens) == (
        9,
        3,
        4,
    )
    assert reading.said and reading.ended and reading.complete and reading.error is None


def test_only_whole_events_go_out() -> None:
    reading = StreamReading()
    assert reading.feed(word("a") + b"data: {") == word("a")
    assert reading.feed(b'"x":1}\n') == b""
    assert reading.feed(b"\n") == b'data: {"x":1}\n\n'


def test_lines_that_end_as_on_windows() -> None:
    reading = StreamReading(drop_usage=True)
    usage = USAGE.replace(b"\n\n", b"\r\n\r\n")
    assert fed(reading, word("a", b"\r\n\r\n") + usage, 11) == word("a", b"\r\n\r\n")
    assert reading.usage is not None


@pytest.mark.parametrize(
    ("end", "complete"),
    [(b"", False), (FINISH, True), (FINISH + USAGE, True), (DONE, True), (word("b"), False)],
)
def test_whether_it_came_to_its_end(end: bytes, complete: bool) -> None:
    reading = StreamReading()
    fed(reading, word("a") + end, 50)
    assert reading.complete is complete


def test_usage_beside_words_stays() -> None:
    reading = StreamReading(drop_usage=True)
    both = event(choices=[{"index": 0, "delta": {"content": "a"}}], usage={"prompt_tokens": 1})
    assert reading.feed(both) == both
    assert reading.usage is not None and reading.usage.prompt_tokens == 1


@pytest.mark.parametrize("error", [{"message": "out of memory", "code": 500}, "out of memory"])
def test_an_error_ends_it(error: object) -> None:
    reading = StreamReading()
    assert reading.feed(word("a") + event(error=error)) == word("a")
    assert reading.error is not None and reading.error["message"] == "out of memory"


def test_chunks_count_as_tokens() -> None:
    reading = StreamReading()
    fed(reading, event(choices=[{"delta": {"role": "assistant", "content": ""}}]) + word("a") + word("b"), 30)
    assert reading.tokens == 2
