"""How to load a model so that it fits: from its header, the free memory and the user's wishes to every size. Pure.

    context length   what the user says; else min(trained, 8192), doubled (up to 32768 and what was trained) while a
                     cache of four such contexts takes no more than an eighth of the free memory
    cache            a whole context for each of 8 to 16 sequences, if all of it takes at most a 24th of the free
                     memory (clearing it takes time at loading); else cells shared by all sequences: as many as
                     fit into half of the memory that is left beside the weights, but at least one context and at
                     most four; if one context doesn't fit and the user asked for none, the context shrinks (to
                     1024 at least)
    sequences        8 to 16 with a context each; one for every 512 shared cells, 4 to 32
    parked           beside shared cells: half as many bytes of main memory for finished sequences, if that is still
                     within half of the memory and at most a 16th of the free main memory; else none, and none of a model
                     in cards' own memory, where copying a sequence takes longer than reading its text again
    GPU layers       all that fit into the free memory of the cards with their part of the cache, less a reserve for
                     each; of cards that share main memory, no more than is free there
    threads          physical cores

Encoders keep no cache; they read a whole input in one step, so their batch is as long as their context.
"""

from dataclasses import dataclass, replace

from corral.engines.devices import Devices
from corral.engines.model import Capability, LoadOptions, ModelFile

DEFAULT_CONTEXT = 8192
GROWN_CONTEXT = 32768
SMALLEST_CONTEXT = 1024
FEWEST_STREAMS, STREAMS = 8, 16  # sequences with a whole context each, where memory is plentiful
STREAMS_SHARE = 24  # they take at most this part of the free memory
_CACHED_SHARE = (
    2  # shared cells: finished sequences may hold one in so many, if there is nowhere else to keep them
)
_CACHED_SHARE_ON_CARDS = 4  # … and on cards, which read prompts fast, one byte for so many of the weights
_HARDLY_FELT = 16  # … and else as many bytes as one in so many of the weights'
_PARKED_SHARE = 2  # they get one byte elsewhere for so many of the cache
_PARKED_MEMORY_SHARE = 16  # … but at most one in so many of the free main memory
CONTEXTS_IN_CACHE = 4
CELLS_PER_SEQUENCE = 512
FEWEST_SEQUENCES, MOST_SEQUENCES = 4, 32
BATCH_TOKENS = 2048
PHYSICAL_BATCH_TOKENS = 512
CELL_STEP = 256  # llama.cpp rounds the number of cells up to this

_FIXED_OVERHEAD = 192 * 2**20  # compute buffers, code, tokenizer
_WEIGHTS_OVERHEAD = 0.05  # repacked tensors and what grows with the model
_GPU_RESERVE = 512 * 2**20  # on each card, for compute buffers


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every size that loading needs. `memory_bytes` is main memory, `gpu_memory_bytes` the cards', both estimates."""

    context_length: int
    cache_tokens: int
    parked_bytes: int  # main memory for finished sequences outside of the cache
    max_sequences: int
    batch_tokens: int
    physical_batch_tokens: int
    threads: int
    gpu_layers: int
    flash_attention: bool | None  # None: where it works
    memory_bytes: int
    gpu_memory_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.memory_bytes + self.gpu_memory_bytes

    @property
    def unified(self) -> bool:
        """Sequences share the cells, unless there are enough for each to have a whole context of its own.

        Streams of their own make attention cheaper and a batch give exactly the text of its sequences alone.
        """
        return self.cache_tokens < self.context_length * self.max_sequences


def plan(file: ModelFile, options: LoadOptions, devices: Devices) -> Plan:
    """The sizes to load `file` with now. It may still not fit; `total_bytes` says what it takes."""
    free = _free_bytes(file, options, devices)
    context = options.context_length or _default_context(file, free)
    streams = _streams(file, options, context, free)
    cache = options.cache_tokens or (streams * context if streams else _cache_tokens(file, context, free))
    if options.context_length is None:
        context = min(context, cache)
    sequences = options.max_sequences or streams or _sequences(cache)
    gpu_layers = _gpu_layers(file, options, cache, devices)
    parked = 0
    if cache < context * sequences and (not gpu_layers or _shares_memory(devices)):
        parked = _parked_bytes(file, cache, free, devices)
    main, on_cards = _memory(file, cache, gpu_layers, devices)
    return Plan(
        context_length=context,
        cache_tokens=cache,
        parked_bytes=parked,
        max_sequences=sequences,
        batch_tokens=options.batch_tokens or max(BATCH_TOKENS, _whole_input(file, context)),
        physical_batch_tokens=max(PHYSICAL_BATCH_TOKENS, _whole_input(file, context)),
        threads=options.threads or devices.cores,
        gpu_layers=gpu_layers,
        flash_attention=options.flash_attention,
        memory_bytes=main + parked,
        gpu_memory_bytes=on_cards,
    )


def with_fewer_gpu_layers(file: ModelFile, tried: Plan, devices: Devices) -> Plan:
    """What to try when `tried`, with layers on cards, left them too little memory for everything else."""
    layers = tried.gpu_layers * 4 // 5
    main, on_cards = _memory(file, tried.cache_tokens, layers, devices)
    return replace(
        tried,
        gpu_layers=layers,
        memory_bytes=main + tried.parked_bytes,
        gpu_memory_bytes=on_cards,
    )


def needed_bytes(file: ModelFile, options: LoadOptions) -> int:
    """What must be free for `file` to be loaded at all: its weights and one context (or what the user wants)."""
    context = options.context_length or _trained(file, DEFAULT_CONTEXT)
    smallest = context if options.context_length else min(context, SMALLEST_CONTEXT)
    cache = options.cache_tokens or smallest
    return file.size_bytes + cache * file.kv_bytes_per_token + _overhead(file)


def needed_on_cards(file: ModelFile, options: LoadOptions, devices: Devices) -> int:
    """What of the cards' memory must be free for all of `file` to be there, with a context of the usual length."""
    context = options.context_length or _trained(file, DEFAULT_CONTEXT)
    cache = options.cache_tokens or context
    return file.size_bytes + cache * file.kv_bytes_per_token + _GPU_RESERVE * len(devices.gpus)


def _free_bytes(file: ModelFile, options: LoadOptions, devices: Devices) -> int:
    """The memory that the weights and the cache are for: the cards' if all of it fits there, else everything."""
    room = _gpu_room(devices) if options.gpu_layers != 0 and not _shares_memory(devices) else 0
    free = room if room > needed_bytes(file, options) else devices.memory.available_bytes + room
    return free if options.memory_bytes is None else min(free, options.memory_bytes)


def _default_context(file: ModelFile, free: int) -> int:
    context = _trained(file, DEFAULT_CONTEXT)
    grown = context * 2
    while (
        grown <= min(GROWN_CONTEXT, file.context_length)
        and grown * CONTEXTS_IN_CACHE * file.kv_bytes_per_token <= free // 8
    ):
        context, grown = grown, grown * 2
    return context


def _trained(file: ModelFile, most: int) -> int:
    return min(file.context_length or most, most)


def most_cached_tokens(file: ModelFile, plan: Plan) -> int:
    """How many tokens of finished sequences may stay in a cache that all sequences share while others run.

    Every step passes over them. So: half of the cache, and no more bytes than the weights have, which every step
    reads anyway; a quarter of them on cards; and where the others can be put away, so few that a step hardly feels them.
    """
    if file.kv_bytes_per_token == 0:
        return plan.cache_tokens // _CACHED_SHARE
    if plan.parked_bytes:
        return file.size_bytes // _HARDLY_FELT // file.kv_bytes_per_token
    share = _CACHED_SHARE_ON_CARDS if plan.gpu_layers > file.layers else 1
    as_heavy_as_weights = file.size_bytes // share // file.kv_bytes_per_token
    return min(plan.cache_tokens // _CACHED_SHARE, max(as_heavy_as_weights, SMALLEST_CONTEXT))


def _streams(file: ModelFile, options: LoadOptions, context: int, free: int) -> int:
    """How many sequences get a whole context each; 0: they share the cells."""
    if file.kv_bytes_per_token == 0 or options.cache_tokens is not None:
        return 0
    room = min(free // STREAMS_SHARE, _cache_budget(file, free))
    affordable = room // (context * file.kv_bytes_per_token)
    wanted = options.max_sequences or min(STREAMS, affordable)
    return wanted if affordable >= max(wanted, options.max_sequences or FEWEST_STREAMS) else 0


def _cache_tokens(file: ModelFile, context: int, free: int) -> int:
    most = context * CONTEXTS_IN_CACHE
    if file.kv_bytes_per_token == 0:
        return most
    cells = _cache_budget(file, free) // file.kv_bytes_per_token // CELL_STEP * CELL_STEP
    return max(min(cells, most), min(context, SMALLEST_CONTEXT))


def _parked_bytes(file: ModelFile, cache: int, free: int, devices: Devices) -> int:
    cache_bytes = cache * file.kv_bytes_per_token
    wanted = cache_bytes // _PARKED_SHARE
    room = min(
        _cache_budget(file, free) - cache_bytes, devices.memory.available_bytes // _PARKED_MEMORY_SHARE
    )
    return wanted if wanted <= room else 0


def _cache_budget(file: ModelFile, free: int) -> int:
    """Half of what the weights leave."""
    return max(0, free - file.size_bytes - _overhead(file)) // 2


def _sequences(cache: int) -> int:
    return max(FEWEST_SEQUENCES, min(cache // CELLS_PER_SEQUENCE, MOST_SEQUENCES))


def _whole_input(file: ModelFile, context: int) -> int:
    """Tokens that must fit into one step: all of an input whose tokens see each other in both directions."""
    return context if file.capabilities & {Capability.EMBEDDINGS, Capability.RERANK} else 0


def _gpu_layers(file: ModelFile, options: LoadOptions, cache: int, devices: Devices) -> int:
    if options.gpu_layers is not None or not devices.gpus or file.layers == 0:
        return options.gpu_layers or 0
    per_layer = (file.size_bytes + cache * file.kv_bytes_per_token) / (file.layers + 1)  # + the output layer
    return min(file.layers + 1, int(_gpu_room(devices) / per_layer)) if per_layer else 0


def _gpu_room(devices: Devices) -> int:
    """The bytes that the cards have for weights and cache."""
    if _shares_memory(devices):
        on_cards = sum(max(0, gpu.free_bytes - _GPU_RESERVE) for gpu in devices.gpus)
        return min(on_cards, devices.memory.available_bytes)
    return sum(max(0, gpu.free_bytes - _GPU_RESERVE) for gpu in devices.gpus)


def _shares_memory(devices: Devices) -> bool:
    return any(gpu.shares_main_memory for gpu in devices.gpus)


def _memory(file: ModelFile, cache: int, gpu_layers: int, devices: Devices) -> tuple[int, int]:
    """Bytes of main memory and of the cards' own, for weights and cache and what comes with them."""
    share = 0.0 if _shares_memory(devices) else _gpu_share(file, gpu_layers)
    weights_and_cache = file.size_bytes + cache * file.kv_bytes_per_token
    return round(weights_and_cache * (1 - share)) + _overhead(file), round(weights_and_cache * share)


def _gpu_share(file: ModelFile, gpu_layers: int) -> float:
    if gpu_layers < 0:  # llama.cpp's "all"
        return 1.0
    return min(1.0, gpu_layers / (file.layers + 1))


def _overhead(file: ModelFile) -> int:
    return _FIXED_OVERHEAD + round(file.size_bytes * _WEIGHTS_OVERHEAD)
