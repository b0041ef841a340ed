"""How models are made to fit."""

from pathlib import Path

import pytest

from corral.engines import fit
from corral.engines.devices import Devices, Gpu, Memory
from corral.engines.model import Capability, LoadOptions, ModelFile, ModelName

MIB, GIB = 2**20, 2**30
AUTO = LoadOptions()


def model(size: int, *, kv: int, context: int = 131072, layers: int = 32, embeds: bool = False) -> ModelFile:
    able = Capability.EMBEDDINGS if embeds else Capability.CHAT
    return ModelFile(
        name=ModelName("m"),
        paths=(Path("m.gguf"),),
        size_bytes=size,
        modified_at=0,
        context_length=context,
        layers=layers,
        kv_bytes_per_token=kv,
        capabilities=frozenset({able}),
    )


def machine(ram: int, *vram: int) -> Devices:
    gpus = tuple(Gpu(index=i, name="card", total_bytes=free, free_bytes=free) for i, free in enumerate(vram))
    return Devices(cores=6, memory=Memory(total_bytes=ram, available_bytes=ram), gpus=gpus)


def apple(ram: int, working_set: int) -> Devices:
    gpu = Gpu(index=0, name="M4", total_bytes=working_set, free_bytes=working_set, shares_main_memory=True)
    return Devices(cores=10, memory=Memory(total_bytes=ram, available_bytes=ram), gpus=(gpu,))


SMALL = model(94 * MIB, kv=23040, context=8192, layers=30)  # like SmolLM2-135M
EIGHT_B = model(5 * GIB, kv=144 * 1024, layers=36)  # like Qwen3-8B Q4_K_M
OLD_13B = model(8 * GIB, kv=800 * 1024, context=4096, layers=40)  # like Llama-2-13B, without grouped heads


@pytest.mark.parametrize(
    ("file", "options", "ram", "context", "cache", "sequences"),
    [
        (SMALL, AUTO, 96 * GIB, 8192, 16 * 8192, 16),  # a whole context for each
        (SMALL, AUTO, 16 * GIB, 8192, 4 * 8192, 32),
        (SMALL, AUTO, 2 * GIB, 8192, 4 * 8192, 32),  # shared cells
        (SMALL, AUTO, 600 * MIB, 6912, 6912, 13),  # one context doesn't fit, so it shrinks
        (SMALL, AUTO, 300 * MIB, 1024, 1024, 4),
        (SMALL, LoadOptions(context_length=2048), 16 * GIB, 2048, 15 * 2048, 15),
        (SMALL, LoadOptions(context_length=8192), 300 * MIB, 8192, 1024, 4),
        (SMALL, LoadOptions(cache_tokens=5000, max_sequences=3), 2 * GIB, 5000, 5000, 3),
        (EIGHT_B, AUTO, 16 * GIB, 8192, 4 * 8192, 32),
        (EIGHT_B, AUTO, 96 * GIB, 16384, 4 * 16384, 32),
        (EIGHT_B, AUTO, 512 * GIB, 32768, 4 * 32768, 32),
        (EIGHT_B, AUTO, 9 * GIB, 8192, 12800, 25),
        (EIGHT_B, LoadOptions(memory_bytes=9 * GIB), 512 * GIB, 8192, 12800, 25),
        (OLD_13B, AUTO, 12 * GIB, 2048, 2048, 4),
        (model(7 * GIB, kv=1024), AUTO, 8 * GIB, 32768, 4 * 32768, 32),
        (model(GIB, kv=1024, context=0), AUTO, 8 * GIB, 8192, 16 * 8192, 16),
    ],
)
def test_context_cache_and_sequences(
    file: ModelFile, options: LoadOptions, ram: int, context: int, cache: int, sequences: int
) -> None:
    plan = fit.plan(file, options, machine(ram))
    assert (plan.context_length, plan.cache_tokens, plan.max_sequences) == (context, cache, sequences)


@pytest.mark.parametrize("ram", [GIB // 2, GIB, 4 * GIB, 16 * GIB, 200 * GIB])
@pytest.mark.parametrize("file", [SMALL, EIGHT_B, OLD_13B])
def test_a_cache_never_takes_more_than_half_of_the_free_memory(file: ModelFile, ram: int) -> None:
    plan = fit.plan(file, AUTO, machine(ram))
    assert plan.cache_tokens * file.kv_bytes_per_token <= ram / 2 or plan.cache_tokens == fit.SMALLEST_CONTEXT
    if fit.needed_bytes(file, AUTO) <= ram:
        assert plan.total_bytes <= ram


@pytest.mark.parametrize(
    ("file", "options", "devices", "layers"),
    [
        (EIGHT_B, AUTO, machine(64 * GIB), 0),
        (EIGHT_B, AUTO, machine(64 * GIB, 24 * GIB), 37),
        (EIGHT_B, AUTO, machine(64 * GIB, 12 * GIB, 12 * GIB), 37),
        (EIGHT_B, LoadOptions(gpu_layers=5), machine(64 * GIB, 24 * GIB), 5),
        (EIGHT_B, LoadOptions(gpu_layers=0), machine(64 * GIB, 24 * GIB), 0),
        (EIGHT_B, AUTO, machine(64 * GIB, 256 * MIB), 0),
        (EIGHT_B, AUTO, machine(64 * GIB, 24 * GIB, 256 * MIB), 37),
    ],
)
def test_layers_on_the_cards(file: ModelFile, options: LoadOptions, devices: Devices, layers: int) -> None:
    plan = fit.plan(file, options, devices)
    assert plan.gpu_layers == layers
    assert plan.gpu_memory_bytes <= devices.gpu_free_bytes
    assert (plan.gpu_memory_bytes == 0) == (layers == 0)


def test_a_card_that_is_too_small_takes_a_part() -> None:
    plan = fit.plan(EIGHT_B, AUTO, machine(64 * GIB, 4 * GIB))
    assert 0 < plan.gpu_layers < 37
    assert plan.gpu_memory_bytes <= 4 * GIB


@pytest.mark.parametrize(
    ("ram", "working_set", "layers"),
    [(32 * GIB, 24 * GIB, 37), (16 * GIB, 11 * GIB, 37), (64 * GIB, 4 * GIB, 13), (6 * GIB, 24 * GIB, 37)],
)
def test_cards_that_share_main_memory(ram: int, working_set: int, layers: int) -> None:
    devices = apple(ram, working_set)
    plan = fit.plan(EIGHT_B, AUTO, devices)
    assert (plan.gpu_layers, plan.gpu_memory_bytes, devices.gpu_free_bytes) == (layers, 0, 0)
    without = fit.plan(EIGHT_B, AUTO, machine(ram))
    assert (plan.cache_tokens, plan.memory_bytes) == (without.cache_tokens, without.memory_bytes)


def test_fewer_layers_when_a_card_had_too_little_memory() -> None:
    devices = machine(64 * GIB, 24 * GIB)
    tried = fit.plan(EIGHT_B, AUTO, devices)
    fewer = fit.with_fewer_gpu_layers(EIGHT_B, tried, devices)
    assert (tried.gpu_layers, fewer.gpu_layers) == (37, 29)
    assert fewer.gpu_memory_bytes < tried.gpu_memory_bytes
    assert abs(fewer.total_bytes - tried.total_bytes) <= 1
    assert (fewer.context_length, fewer.cache_tokens) == (tried.context_length, tried.cache_tokens)
    steps = 0
    while fewer.gpu_layers:
        fewer, steps = fit.with_fewer_gpu_layers(EIGHT_B, fewer, devices), steps + 1
    assert steps < 15
    assert fewer.gpu_memory_bytes == 0


def test_encoders_read_a_whole_input_at_once() -> None:
    plan = fit.plan(model(90 * MIB, kv=0, context=8192, layers=6, embeds=True), AUTO, machine(8 * GIB))
    assert plan.batch_tokens >= plan.physical_batch_tokens >= plan.context_length == 8192


def test_the_users_wishes_come_first() -> None:
    wishes = LoadOptions(threads=3, batch_tokens=128, flash_attention=False, gpu_layers=2)
    plan = fit.plan(EIGHT_B, wishes, machine(64 * GIB))
    assert (plan.threads, plan.batch_tokens, plan.flash_attention, plan.gpu_layers) == (3, 128, False, 2)
    assert fit.plan(EIGHT_B, AUTO, machine(64 * GIB)).threads == 6


def test_the_least_that_is_needed_grows_with_the_wishes() -> None:
    least = fit.needed_bytes(EIGHT_B, AUTO)
    assert 5 * GIB < least < 6 * GIB
    assert fit.needed_bytes(EIGHT_B, LoadOptions(context_length=65536)) > least + 8 * GIB


@pytest.mark.parametrize(
    ("file", "ram", "parked", "kept"),
    [
        (SMALL, 8 * GIB, 16384 * 23040, 94 * MIB // 16 // 23040),  # a 16th of the weights' bytes
        (SMALL, 2 * GIB, 0, 94 * MIB // 23040),  # as many bytes as the weights
        (EIGHT_B, 64 * GIB, 16384 * 144 * 1024, 5 * GIB // 16 // (144 * 1024)),
        (EIGHT_B, 16 * GIB, 0, 16384),  # half of the cache
        (model(MIB, kv=23040), 2 * GIB, 0, 1024),  # a tiny model keeps something too
        (model(MIB, kv=0), 64 * GIB, 0, 16384),
    ],
)
def test_finished_sequences_cost_little_while_others_run(
    file: ModelFile, ram: int, parked: int, kept: int
) -> None:
    wishes = LoadOptions(context_length=8192, cache_tokens=32768)
    plan = fit.plan(file, wishes, machine(ram))
    assert (plan.parked_bytes, fit.most_cached_tokens(file, plan)) == (parked, kept)


def test_sequences_with_cells_of_their_own_are_not_put_away() -> None:
    plan = fit.plan(SMALL, AUTO, machine(96 * GIB))
    assert (plan.unified, plan.parked_bytes) == (False, 0)
