"""Finished sequences outside of the KV cache."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import pytest

from corral.engines.llama.native import Batch, Context, Floats, Ints, Model, as_tokens, start_backend
from corral.engines.llama.prefix import CacheTraits
from corral.engines.llama.shelf import Parked, Shelf
from corral.engines.model import LoadOptions
from tests.engines.llama.running import RunningModel, done_of, running, text_of
from tests.engines.llama.test_decode import chat
from tests.models import synth_gguf

UNIFIED = CacheTraits(unified=True)


def tokens(first: int, count: int) -> Ints:
    return as_tokens(range(first, first + count))


def parked(known: Ints, *, size: int = 100, first_position: int = 0) -> Parked:
    return Parked(tokens=known, state=np.zeros(size, np.uint8), first_position=first_position)


def shelf_with(*entries: Parked, most_bytes: int = 1000) -> Shelf:
    shelf = Shelf(most_bytes)
    for entry in entries:
        shelf.put(entry)
    return shelf


def test_it_finds_what_saves_the_most_reading() -> None:
    short = parked(np.concatenate([tokens(0, 100), tokens(800, 50)]))
    long = parked(np.concatenate([tokens(0, 200), tokens(900, 50)]))
    shelf = shelf_with(short, long)
    assert shelf.tokens == 400
    assert shelf.best_match(tokens(0, 300)) == 200
    assert shelf.take(tokens(0, 300), UNIFIED, beyond=0) == (long, 200)
    assert shelf.take(np.concatenate([tokens(0, 100), tokens(800, 60)]), UNIFIED, beyond=0) == (short, 150)


@pytest.mark.parametrize(("count", "left"), [(168, 0), (167, 200)])
def test_what_is_used_nearly_whole_leaves(count: int, left: int) -> None:
    shelf = shelf_with(parked(tokens(0, 200)))
    assert shelf.take(np.concatenate([tokens(0, count), tokens(900, 9)]), UNIFIED, beyond=0) is not None
    assert shelf.tokens == left


@pytest.mark.parametrize(("beyond", "found"), [(0, True), (67, True), (68, False), (200, False)])
def test_it_finds_nothing_that_the_cache_holds_nearly_as_well(beyond: int, found: bool) -> None:
    shelf = shelf_with(parked(tokens(0, 100)))
    assert (shelf.take(tokens(0, 300), UNIFIED, beyond=beyond) is not None) is found


def test_a_window_that_moved_on_is_not_found() -> None:
    shelf = shelf_with(parked(tokens(0, 200), first_position=150))
    windowed = CacheTraits(unified=True, sliding_window=50)
    assert shelf.take(np.concatenate([tokens(0, 180), tokens(900, 50)]), windowed, beyond=0) is None
    assert shelf.take(tokens(0, 300), windowed, beyond=0) is not None  # as a whole


def test_the_least_recently_used_goes_first() -> None:
    first, second, third = (parked(tokens(start, 100), size=400) for start in (0, 1000, 2000))
    shelf = shelf_with(first, second)
    shelf.take(tokens(0, 50), UNIFIED, beyond=0)
    shelf.put(third)
    held = [shelf.best_match(tokens(start, 200)) for start in (0, 1000, 2000)]
    assert held == [100, 0, 100]


@pytest.mark.parametrize("size", [0, 1001])
def test_what_could_not_be_copied_or_is_too_large_is_not_kept(size: int) -> None:
    shelf = shelf_with(parked(tokens(0, 100)), parked(tokens(500, 100), size=size))
    assert shelf.tokens == 100


def test_a_longer_sequence_takes_the_place_of_its_beginning() -> None:
    shelf = shelf_with(parked(tokens(0, 100)), parked(tokens(0, 200)))
    assert shelf.tokens == 200


@pytest.mark.parametrize(
    ("known", "others", "wanted"),
    [
        (tokens(0, 200), [], True),  # 100 more than it holds
        (tokens(0, 132), [], False),
        (tokens(0, 200), [tokens(0, 190)], False),  # the cache holds most of it
        (tokens(0, 800), [tokens(0, 700)], False),
        (tokens(0, 800), [tokens(0, 699)], True),  # more than an eighth lacks
        (tokens(500, 200), [tokens(0, 190)], True),
        (tokens(500, 32), [], False),  # quickly read again
    ],
)
def test_it_wants_only_what_is_worth_the_copy(known: Ints, others: Sequence[Ints], wanted: bool) -> None:
    assert shelf_with(parked(tokens(0, 100))).wants(known, others) is wanted
    assert not Shelf(0).wants(known, others)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    """Two sequences with cells of their own, so that they compute exactly the same."""
    backend = start_backend(lambda level, text: None)
    synth_gguf.write_llama(tmp_path / "tiny.gguf")
    model = Model([tmp_path / "tiny.gguf"], gpu_layers=0, progress=lambda fraction: None)
    params: Any = llama_cpp.llama_context_default_params()
    params.n_ctx, params.n_seq_max, params.n_threads = 1024, 2, 1
    made = Context(model, params)
    yield made
    made.close()
    model.close()
    del backend


def evaluate(context: Context, known: Ints, *, position: int, sequence: int) -> Floats:
    batch = Batch(256)
    last = batch.add(known, position=position, sequence=sequence)
    assert context.decode(batch)
    return context.logits(last).copy()


def test_a_restored_sequence_goes_on_exactly(context: Context) -> None:
    evaluate(context, tokens(3, 100), position=0, sequence=0)
    state = context.save(0)
    assert context.restore(1, state)
    expected = evaluate(context, tokens(7, 1), position=100, sequence=0)
    assert np.array_equal(evaluate(context, tokens(7, 1), position=100, sequence=1), expected)


def test_a_sequence_without_room_is_not_restored(context: Context) -> None:
    for start in range(0, 500, 100):
        evaluate(context, tokens(3, 100), position=start, sequence=0)
    state = context.save(0)
    context.forget(0)
    assert not context.restore(1, state[:1000])
    assert context.restore(1, state)


def test_conversations_that_take_turns_go_on_where_they_were(starter_model: Path) -> None:
    """More of them than a cache keeps beside a running one."""
    options = LoadOptions(context_length=1024, cache_tokens=2048, max_sequences=16, threads=2)
    stories = [f"{number} llamas walked over the hills. " * 40 for number in range(3)]
    with running(starter_model, options) as model:
        first = [answer_to(model, story) for story in stories]
        second = [answer_to(model, f"{story}And then?") for story in stories]
    assert [cached for _, cached in first] == [cached for _, cached in first if cached < 40]
    assert all(cached > 300 for _, cached in second), second


def answer_to(model: RunningModel, text: str) -> tuple[str, int]:
    events = model.ask(chat(text, max_tokens=4))[0]
    return text_of(events), done_of(events).cached_tokens
