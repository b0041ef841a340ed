"""The decode loop with a real model: batching, prefix reuse, sampling, limits and cancelling."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from corral.engines.events import Failed, Finished, Started, TextDelta, TokenCount
from corral.engines.model import LoadOptions
from corral.engines.requests import (
    ChatRequest,
    CompletionRequest,
    ContinuedChat,
    Generation,
    Message,
    Sampling,
    TokenCountRequest,
)
from tests.engines.llama.running import RunningModel, done_of, running, text_of
from tests.models import synth_gguf

GREEDY = Sampling(temperature=0)
STREAMS = LoadOptions(context_length=1024, cache_tokens=16 * 1024, max_sequences=16, threads=2)
UNIFIED = LoadOptions(context_length=1024, cache_tokens=2048, max_sequences=16, threads=2)


@pytest.fixture(scope="module", params=[STREAMS, UNIFIED], ids=["streams", "unified"])
def model(request: pytest.FixtureRequest, starter_model: Path) -> Iterator[RunningModel]:
    with running(starter_model, request.param) as running_model:
        yield running_model


@pytest.fixture(scope="module")
def streams(starter_model: Path) -> Iterator[RunningModel]:
    with running(starter_model, STREAMS) as running_model:
        yield running_model


@pytest.fixture(scope="module")
def unified(starter_model: Path) -> Iterator[RunningModel]:
    with running(starter_model, UNIFIED) as running_model:
        yield running_model


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningModel]:
    """Random weights in milliseconds: says nothing sensible."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.gguf"
    synth_gguf.write_llama(path, infill=True)
    with running(path, LoadOptions(context_length=256, max_sequences=2, threads=1)) as model:
        yield model


def chat(text: str, *, sampling: Sampling = GREEDY, max_tokens: int = 24, n: int = 1) -> ChatRequest:
    return ChatRequest(
        messages=(Message(role="user", content=text),),
        generation=Generation(sampling=sampling, max_tokens=max_tokens, n=n),
    )


def test_it_knows_the_capital_of_france(model: RunningModel) -> None:
    events = model.ask(chat("What is the capital city of France? Answer in English."))[0]
    assert text_of(events) == "The capital city of France is Paris."
    assert Finished(index=0, reason="stop") in events
    assert done_of(events).completion_tokens == 9


def test_an_answer_goes_on_as_if_it_had_never_stopped(model: RunningModel) -> None:
    question = chat("Write two sentences about the sea.", max_tokens=40)
    events = model.ask(question)[0]
    pieces = [event.text for event in events if isinstance(event, TextDelta)]
    for cut in (1, len(pieces) // 3, 2 * len(pieces) // 3):
        begun = ContinuedChat(**structs.asdict(question), answer_so_far="".join(pieces[:cut]))
        going_on = model.ask(begun)[0]
        assert text_of(going_on).startswith("".join(pieces[cut:]))
        started = next(event for event in going_on if isinstance(event, Started))
        assert started.prompt_tokens == done_of(events).prompt_tokens + cut


def test_sixteen_prompts_together_give_the_same_text_as_alone(
    streams: RunningModel, starter_model: Path
) -> None:
    """Short prompts, which are read together, and long ones, which are read in pieces."""
    requests = [
        chat(f"{number * 37} is a number. " + "The llama ran over the hills and far away. " * (2 * number))
        for number in range(16)
    ]
    alone = [streams.text(request) for request in requests]
    with running(starter_model, STREAMS) as fresh:  # nothing to reuse
        together = [text_of(events) for events in fresh.ask(*requests)]
    assert together == alone


def test_a_reused_prefix_gives_the_same_text(streams: RunningModel) -> None:
    story = "Once upon a time there was a llama who loved the mountains. " * 12
    question = chat(story + "What did the llama love?", max_tokens=12)
    fresh = streams.ask(question)[0]
    again = streams.ask(question)[0]
    started = next(event for event in again if isinstance(event, Started))
    assert text_of(again) == text_of(fresh)
    assert started.cached_tokens == started.prompt_tokens - 1 == done_of(again).cached_tokens
    assert done_of(fresh).cached_tokens < 32


def test_requests_with_one_new_prefix_read_it_once(model: RunningModel) -> None:
    story = "In a green valley lived nine shepherds and their many dogs. " * 12
    questions = [chat(f"{story}Question {number}: how many shepherds?", max_tokens=2) for number in range(4)]
    answers = [done_of(events) for events in model.ask(*questions)]
    assert sorted(answer.cached_tokens > 100 for answer in answers) == [False, True, True, True]


def test_choices_share_the_prompt_and_differ(model: RunningModel) -> None:
    request = chat("Name an animal.", sampling=Sampling(temperature=1.0, seed=5), n=3, max_tokens=16)
    first, second = model.ask(request)[0], model.ask(request)[0]
    texts = [text_of(first, index=index) for index in range(3)]
    assert len(set(texts)) == 3
    assert texts == [text_of(second, index=index) for index in range(3)], "same seed, same text"
    assert done_of(first).prompt_tokens == done_of(second).prompt_tokens < 40


def test_a_seed_gives_the_same_text_whatever_was_cached(model: RunningModel) -> None:
    request = chat("Tell me a joke about llamas.", sampling=Sampling(temperature=1.0, seed=42), max_tokens=24)
    first = model.text(request)
    model.ask(chat("The weather was fine on that day. " * 60, max_tokens=2))
    assert model.text(request) == first
    assert done_of(model.ask(request)[0]).cached_tokens == 0


def test_a_full_cache_makes_sequences_wait_and_read_again(unified: RunningModel) -> None:
    """Six answers of up to 500 tokens don't fit 2,048 cells at once: all are answered nevertheless, in full."""
    requests = [chat(f"Count to one thousand from {number}.", max_tokens=500) for number in range(6)]
    for events in unified.ask(*requests):
        assert done_of(events).completion_tokens > 0
        assert any(isinstance(event, Finished) for event in events)


def test_a_prompt_that_does_not_fit_names_both_numbers(model: RunningModel) -> None:
    failure = model.ask(chat("word " * 1500))[0][-1]
    assert isinstance(failure, Failed)
    assert failure.code == "context_length_exceeded"
    assert "1024" in failure.message or "1023" in failure.message


def test_running_out_of_context_ends_with_length(model: RunningModel) -> None:
    request = CompletionRequest(
        prompt="word " * 1000, generation=Generation(sampling=Sampling(temperature=0, logit_bias={2: -100.0}))
    )
    events = model.ask(request)[0]
    assert Finished(index=0, reason="length") in events
    answer = done_of(events)
    assert answer.prompt_tokens + answer.completion_tokens == 1024


def test_zero_and_one_token_answers(model: RunningModel) -> None:
    assert done_of(model.ask(chat("Hi", max_tokens=1))[0]).completion_tokens == 1


def test_stop_strings_end_the_answer(model: RunningModel) -> None:
    generation = Generation(sampling=GREEDY, max_tokens=60, stop=("3",))
    request = ChatRequest(
        messages=(Message(role="user", content="Count from 1 to 10."),), generation=generation
    )
    events = model.ask(request)[0]
    assert "3" not in text_of(events) and "2" in text_of(events)
    assert Finished(index=0, reason="stop", stop="3") in events


def test_a_prompt_is_counted_as_it_is_read(model: RunningModel) -> None:
    asked = chat("Hi there", max_tokens=1)
    counted = model.ask(TokenCountRequest(prompt=asked))[0]
    (count,) = [event for event in counted if isinstance(event, TokenCount)]
    assert count.tokens == done_of(model.ask(asked)[0]).prompt_tokens
    assert done_of(counted).prompt_tokens == 0, "nothing was read"


def test_a_cancelled_request_frees_its_sequence(model: RunningModel) -> None:
    request_id = model.submit(chat("Tell me a very long story.", max_tokens=900))
    model.wait(request_id, kinds=(TextDelta,))
    model.model.cancel(request_id)
    assert (
        text_of(model.ask(chat("What is the capital city of France? Answer in English."))[0])
        == "The capital city of France is Paris."
    )
    seen = len(model.events[request_id])
    assert seen < 900, "it was stopped long before its end"
    assert model.model.numbers().queued == 0


def test_a_request_cancelled_before_it_starts_says_nothing(model: RunningModel) -> None:
    request_id = model.submit(chat("Hello"))
    model.model.cancel(request_id)
    model.ask(chat("Hi", max_tokens=2))
    assert not any(isinstance(event, Finished) for event in model.events.get(request_id, []))


def test_logprobs_are_those_of_the_model(model: RunningModel) -> None:
    generation = Generation(sampling=GREEDY, max_tokens=4, top_logprobs=3)
    request = CompletionRequest(prompt="The capital of France is", generation=generation)
    deltas = [event for event in model.ask(request)[0] if isinstance(event, TextDelta)]
    entries = [entry for delta in deltas for entry in delta.logprobs]
    assert len(entries) == 4
    for entry in entries:
        assert entry.logprob == max(top.logprob for top in entry.top), "greedy takes the likeliest"
        assert len(entry.top) == 3 and entry.logprob <= 0
    assert "".join(entry.token for entry in entries) == "".join(delta.text for delta in deltas)


def test_echo_scores_the_prompt(model: RunningModel) -> None:
    generation = Generation(sampling=GREEDY, max_tokens=1, top_logprobs=0)
    request = CompletionRequest(prompt="Hello world, this is", echo=True, generation=generation)
    first = next(event for event in model.ask(request)[0] if isinstance(event, TextDelta))
    assert first.text == "Hello world, this is"
    assert [entry.token for entry in first.logprobs] == [" world", ",", " this", " is"]


def test_penalties_change_the_choice(model: RunningModel) -> None:
    plain = model.text(chat("Say yes yes yes.", max_tokens=40))
    penalised = model.text(
        chat("Say yes yes yes.", max_tokens=40, sampling=Sampling(temperature=0, repeat_penalty=1.8))
    )
    assert plain != penalised


def test_a_bias_forces_a_token(model: RunningModel) -> None:
    request = chat("Hi", max_tokens=3, sampling=Sampling(temperature=0, logit_bias={504: 100.0}))
    text = text_of(model.ask(request)[0])
    assert text and text == text[: len(text) // 3] * 3


def test_infill_fills_the_hole(tiny: RunningModel) -> None:
    """[BOS] [PRE] one byte token per letter [SUF] … [MID]."""
    generation = Generation(sampling=GREEDY, max_tokens=4)
    request = CompletionRequest(prompt="def", suffix="end", generation=generation)
    assert done_of(tiny.ask(request)[0]).prompt_tokens == 1 + 1 + 3 + 1 + 3 + 1


def test_infill_without_its_tokens_is_refused(model: RunningModel) -> None:
    failure = model.ask(CompletionRequest(prompt="a", suffix="b"))[0][-1]
    assert isinstance(failure, Failed) and failure.param == "suffix"
