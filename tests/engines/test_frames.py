"""Frames survive the wire; whatever else comes is refused without a crash or a full memory."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.engines import frames
from corral.engines.engine import RequestId
from corral.engines.events import Done, EmbeddingResult, TextDelta, TokenLogprob
from corral.engines.model import Capability, LiveNumbers, LoadedInfo, LoadOptions, ModelFile, ModelName
from corral.engines.requests import ChatRequest, CompletionRequest, JsonSchema, Message
from corral.engines.requests import Generation as Gen

FILE = ModelFile(
    name=ModelName("parrot"),
    paths=(Path("/models/parrot.gguf"), Path(os.fsdecode(b"/models/\xff.gguf"))),
    size_bytes=7,
    modified_at=1.5,
    capabilities=frozenset({Capability.CHAT}),
)
INFO = LoadedInfo(
    capabilities=frozenset({Capability.CHAT}),
    context_length=1,
    cache_tokens=2,
    max_sequences=3,
    batch_tokens=4,
    threads=5,
    gpu_layers=6,
    flash_attention=True,
    vocabulary_size=7,
)
SCHEMA = JsonSchema(schema={"type": "object", "additionalProperties": False})
TO_WORKER: list[frames.ToWorker] = [
    frames.Load("module:Class", FILE, LoadOptions(context_length=5)),
    frames.Submit(RequestId(1), ChatRequest(messages=(Message(role="user", content="ü 🐎"),))),
    frames.Submit(RequestId(2), CompletionRequest(prompt=(1, 2, 3), generation=Gen(output_format=SCHEMA))),
    frames.Cancel(RequestId(1)),
    frames.Stop(),
]
LOGPROB = TokenLogprob(
    token="a", logprob=-0.5, data=b"a", top=(TokenLogprob(token="b", logprob=-1.0, data=b"\xff"),)
)
FROM_WORKER: list[frames.FromWorker] = [
    frames.Progress(0.5),
    frames.Ready(INFO, 10),
    frames.LoadFailed("model_broken", "why"),
    frames.Batch(
        [
            (RequestId(1), TextDelta(index=0, text="x", logprobs=(LOGPROB,))),
            (RequestId(2), EmbeddingResult(vectors=(b"\0\1",))),
            (RequestId(2), Done(prompt_tokens=1)),
        ]
    ),
    frames.Numbers(LiveNumbers(active=2), 10),
]


def payloads(data: bytes) -> list[bytes]:
    return list(frames.FrameSplitter().feed(data))


@pytest.mark.parametrize("message", TO_WORKER, ids=lambda message: type(message).__name__)
def test_what_goes_to_a_worker_arrives(message: frames.ToWorker) -> None:
    (payload,) = payloads(bytes(frames.encode(message)))
    assert frames.decode_to_worker(payload) == message


@pytest.mark.parametrize("message", FROM_WORKER, ids=lambda message: type(message).__name__)
def test_what_comes_from_a_worker_arrives(message: frames.FromWorker) -> None:
    (payload,) = payloads(bytes(frames.encode(message)))
    assert frames.decode_from_worker(payload) == message


@given(cuts=st.lists(st.integers(1, 400), max_size=20))
def test_frames_are_found_however_the_bytes_are_cut(cuts: list[int]) -> None:
    data = b"".join(bytes(frames.encode(message)) for message in TO_WORKER)
    splitter = frames.FrameSplitter()
    found: list[frames.ToWorker] = []
    start = 0
    for cut in [*cuts, len(data)]:
        found += [frames.decode_to_worker(each) for each in splitter.feed(data[start : start + cut])]
        start += cut
    assert found == TO_WORKER
    assert splitter.pending_bytes == 0


def test_a_truncated_frame_waits_for_its_rest() -> None:
    splitter = frames.FrameSplitter()
    data = bytes(frames.encode(frames.Stop()))
    assert list(splitter.feed(data[:-1])) == []
    assert splitter.pending_bytes == len(data) - 1


def test_an_oversized_frame_is_refused_by_its_header_alone() -> None:
    with pytest.raises(frames.FrameError, match="4294967295 bytes"):
        payloads(b"\xff\xff\xff\xff")


def test_a_message_that_would_be_oversized_is_refused_by_the_sender() -> None:
    with pytest.raises(frames.FrameError, match="more than the 1000 bytes"):
        frames.encode(frames.LoadFailed("code", "x" * 1000), max_bytes=1000)


def test_text_that_is_not_unicode_and_bottomless_nesting_are_refused_by_the_sender() -> None:
    with pytest.raises(frames.FrameError):
        frames.encode(frames.LoadFailed("code", "\ud800"))
    nested: dict[str, object] = {}
    for _ in range(100_000):
        nested = {"x": nested}
    request = ChatRequest(messages=(), generation=Gen(output_format=JsonSchema(schema=nested)))
    with pytest.raises(frames.FrameError):
        frames.encode(frames.Submit(RequestId(1), request))
    while nested:  # taken apart step by step: the interpreter would recurse
        nested = nested.pop("x")  # type: ignore[assignment]


@given(data=st.binary(max_size=300))
def test_garbage_is_an_error_and_nothing_else(data: bytes) -> None:
    for decode in (frames.decode_to_worker, frames.decode_from_worker):
        try:
            decode(data)
        except frames.FrameError:
            continue


@given(
    message=st.sampled_from(TO_WORKER + FROM_WORKER),
    position=st.integers(0, 10_000),
    byte=st.integers(0, 255),
)
def test_one_wrong_byte_is_an_error_or_another_message(
    message: frames.ToWorker, position: int, byte: int
) -> None:
    payload = bytearray(frames.encode(message)[4:])
    payload[position % len(payload)] = byte
    for decode in (frames.decode_to_worker, frames.decode_from_worker):
        try:
            decode(bytes(payload))
        except frames.FrameError:
            continue
