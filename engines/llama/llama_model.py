"""A GGUF in llama.cpp: prepares requests in threads and runs the decode loop in the caller's. Only workers import this."""

import re
import sys
import threading
from collections.abc import Callable
from collections.abc import Sequence as Listing
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import llama_cpp

from corral.engines import devices, fit
from corral.engines.engine import Emit, Progress, RequestId
from corral.engines.errors import EngineError, InsufficientMemory, ModelBroken, ModelLacksCapability
from corral.engines.events import Done, Failed, TokenCount
from corral.engines.llama.cards import usable_cards
from corral.engines.llama.chat_format import ChatFormat
from corral.engines.llama.inbox import Inbox
from corral.engines.llama.meter import Meter
from corral.engines.llama.native import Batch, Context, Model, as_tokens, start_backend
from corral.engines.llama.plan import least_batch_tokens
from corral.engines.llama.pooled import PooledJob, PooledRunner
from corral.engines.llama.prefix import CacheTraits
from corral.engines.llama.prepare import Preparer
from corral.engines.llama.scheduler import Limits, Scheduler
from corral.engines.llama.sequence import Sequence
from corral.engines.llama.shelf import Shelf
from corral.engines.llama.slots import SlotTable
from corral.engines.model import Capability, LiveNumbers, LoadedInfo, LoadOptions, ModelFile
from corral.engines.requests import (
    ChatRequest,
    CompletionRequest,
    EmbeddingRequest,
    Request,
    RerankRequest,
    TokenCountRequest,
)

T = TypeVar("T")

_PREPARING_THREADS = 2
_SWITCH_INTERVAL_S = 0.0005  # the decode loop gets the interpreter back quickly from preparing threads
_SPARE_SLOTS = 2  # unified cache: slots per live sequence, so that finished ones can stay
_POOLED_INPUTS = 64  # inputs evaluated together
_SHORT_OF_MEMORY = re.compile(r"failed to allocate|unable to allocate|out of memory", re.IGNORECASE)
_POOLED = frozenset({Capability.EMBEDDINGS, Capability.RERANK})


def load_model(file: ModelFile, options: LoadOptions, progress: Progress) -> "LlamaModel":
    """Raises ModelBroken or InsufficientMemory."""
    start_backend(_OUTPUT)
    found = devices.read_devices(usable_cards)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    (model, context), plan = opened(file, options, found, lambda plan: _open(file, plan, progress), _OUTPUT)
    taken = found.gpu_free_bytes - devices.read_devices(usable_cards).gpu_free_bytes
    gpu_memory = max(taken, plan.gpu_memory_bytes) if plan.gpu_layers else 0
    return LlamaModel(model=model, context=context, file=file, plan=plan, gpu_memory_bytes=gpu_memory)


def opened(
    file: ModelFile,
    options: LoadOptions,
    found: devices.Devices,
    attempt: Callable[[fit.Plan], T],
    output: "Output",
) -> tuple[T, fit.Plan]:
    """What `attempt` makes of a plan that works, and the plan. Raises ModelBroken or InsufficientMemory.

    How much memory a card needs beside weights and cache nobody knows before. If it was too little for the layers that
    we chose, there are to be fewer.
    """
    plan = fit.plan(file, options, found)
    while True:
        output.short_of_memory = False
        try:
            return attempt(plan), plan
        except (ModelBroken, InsufficientMemory):
            chosen_by_user = options.gpu_layers is not None
            if chosen_by_user or plan.gpu_layers <= 0 or not output.short_of_memory:
                raise
        too_many, plan = plan.gpu_layers, fit.with_fewer_gpu_layers(file, plan, found)
        output("warning", f"{too_many} layers don't fit on the card; trying {plan.gpu_layers}")


def _open(file: ModelFile, plan: fit.Plan, progress: Progress) -> tuple[Model, Context]:
    """Raises ModelBroken or InsufficientMemory; nothing is left in memory then."""
    model = Model(file.paths, gpu_layers=plan.gpu_layers, progress=progress)
    try:
        return model, Context(model, _context_params(plan, model, pooled=bool(file.capabilities & _POOLED)))
    except BaseException:
        model.close()
        raise


class LlamaModel:
    """A loaded model. `run` is the decode loop; `submit` and `cancel` may be called from other threads."""

    def __init__(
        self, *, model: Model, context: Context, file: ModelFile, plan: fit.Plan, gpu_memory_bytes: int
    ) -> None:
        self._model = model
        self._context = context
        self._file = file
        self._plan = plan
        self._gpu_memory_bytes = gpu_memory_bytes
        self._meter = Meter()
        self._capabilities = file.capabilities
        self._threads = ThreadPoolExecutor(_PREPARING_THREADS)
        self._lock = threading.Lock()
        self._preparing: set[RequestId] = set()
        pooled = bool(file.capabilities & _POOLED)
        self._preparer = Preparer(
            model=model,
            context_length=plan.context_length if pooled else min(plan.context_length, plan.cache_tokens),
            chat=_chat_format(model, file),
        )
        self._loop: Scheduler | PooledRunner
        if pooled:
            self._loop = self._pooled_runner()
        else:
            self._loop = self._scheduler()
            self._warm_up()

    @property
    def info(self) -> LoadedInfo:
        plan = self._plan
        return LoadedInfo(
            capabilities=self._capabilities,
            context_length=plan.context_length,
            cache_tokens=plan.cache_tokens,
            max_sequences=plan.max_sequences,
            batch_tokens=plan.batch_tokens,
            threads=plan.threads,
            gpu_layers=plan.gpu_layers,
            flash_attention=plan.flash_attention is not False,
            vocabulary_size=self._model.vocabulary_size,
            gpu_memory_bytes=self._gpu_memory_bytes,
            description=self._model.description,
        )

    def submit(self, request_id: RequestId, request: Request) -> None:
        with self._lock:
            self._preparing.add(request_id)
        self._threads.submit(self._prepare, request_id, request)

    def cancel(self, request_id: RequestId) -> None:
        with self._lock:
            early = request_id in self._preparing
            self._preparing.discard(request_id)
        if not early:
            self._loop.inbox.cancel(request_id)

    def numbers(self) -> LiveNumbers:
        return self._meter.numbers()

    def run(self, emit: Emit) -> None:
        try:
            self._loop.run(emit)
        finally:
            self._threads.shutdown(wait=True, cancel_futures=True)
            self._context.close()
            self._model.close()

    def close(self) -> None:
        self._loop.inbox.close()

    def _prepare(self, request_id: RequestId, request: Request) -> None:
        """Hand the request to the loop, unless it was cancelled meanwhile."""
        deliver = self._prepared(request_id, request)
        with self._lock:
            if request_id in self._preparing:
                self._preparing.discard(request_id)
                deliver()

    def _prepared(self, request_id: RequestId, request: Request) -> Callable[[], None]:
        """The call that delivers the prepared request, or its refusal."""
        try:
            return self._work(request_id, request)
        except EngineError as error:
            failure = Failed(code=error.code, message=error.message, param=error.param)
        except Exception as error:  # noqa: BLE001 - one odd request must not silence this thread for all later ones
            _OUTPUT("error", f"preparing a request failed: {error!r}")
            failure = Failed(
                code=EngineError.code, message=f"this request could not be prepared ({type(error).__name__})"
            )
        return lambda: self._loop.inbox.settle(request_id, [failure])

    def _work(self, request_id: RequestId, request: Request) -> Callable[[], None]:
        """The prepared request as a call that delivers it. Raises InvalidRequest and its kinds."""
        if isinstance(request, TokenCountRequest):
            counted = TokenCount(tokens=self._preparer.count(request.prompt))
            return lambda: self._loop.inbox.settle(request_id, [counted, Done(prompt_tokens=0)])
        if isinstance(self._loop, Scheduler):
            choices = self._choices(request_id, request)
            scheduler: Inbox[Listing[Sequence]] = self._loop.inbox
            return lambda: scheduler.submit(choices)
        job = self._pooled_job(request_id, request)
        runner: Inbox[PooledJob] = self._loop.inbox
        return lambda: runner.submit(job)

    def _choices(self, request_id: RequestId, request: Request) -> list[Sequence]:
        if isinstance(request, ChatRequest):
            return self._preparer.chat(request_id, request)
        if isinstance(request, CompletionRequest):
            return self._preparer.completion(request_id, request)
        raise ModelLacksCapability(
            "this model generates text; it makes neither embeddings nor rankings", param="model"
        )

    def _pooled_job(self, request_id: RequestId, request: Request) -> PooledJob:
        capacity = self._plan.context_length
        if isinstance(request, EmbeddingRequest) and Capability.EMBEDDINGS in self._capabilities:
            return self._preparer.embedding(
                request_id, request, capacity=capacity, width=self._model.embedding_size
            )
        if isinstance(request, RerankRequest) and Capability.RERANK in self._capabilities:
            return self._preparer.rerank(request_id, request, capacity=capacity)
        able = " and ".join(sorted(self._capabilities))
        raise ModelLacksCapability(f"this model can only be asked for {able}", param="model")

    def _scheduler(self) -> Scheduler:
        model, plan = self._model, self._plan
        traits = CacheTraits(
            unified=plan.unified, recurrent=model.recurrent, sliding_window=model.sliding_window
        )
        most_cached = fit.most_cached_tokens(self._file, plan) if traits.unified else plan.cache_tokens
        slots = SlotTable(
            self._context,
            count=_slot_count(plan, model),
            traits=traits,
            most_cached=most_cached,
            shelf=Shelf(plan.parked_bytes if traits.unified and not model.recurrent else 0),
        )
        limits = Limits(
            batch_tokens=_batch_tokens(plan),
            max_sequences=plan.max_sequences,
            cache_tokens=plan.cache_tokens,
            unified=plan.unified,
        )
        return Scheduler(model=model, context=self._context, slots=slots, limits=limits, meter=self._meter)

    def _pooled_runner(self) -> PooledRunner:
        ranks = Capability.RERANK in self._capabilities
        return PooledRunner(
            context=self._context,
            batch_tokens=self._plan.batch_tokens,
            max_sequences=_POOLED_INPUTS,
            width=self._model.classifier_outputs() if ranks else self._model.embedding_size,
            meter=self._meter,
        )

    def _warm_up(self) -> None:
        """One throw-away step, so that the first request doesn't wait for pages and buffers."""
        batch = Batch(1)
        batch.add(as_tokens([max(self._model.bos, 0)]), position=0, sequence=0)
        self._context.decode(batch)
        self._context.clear_memory()


def _chat_format(model: Model, file: ModelFile) -> ChatFormat | None:
    source = model.chat_template
    if source is None or Capability.CHAT not in file.capabilities:
        return None

    def text(token: int) -> str:
        return model.piece(token, special=True).decode("utf-8", "replace") if token >= 0 else ""

    def is_special(marker: str) -> bool:
        ids = model.tokenize(marker, add_special=False, parse_special=True)
        return len(ids) == 1 and model.is_control(ids[0])

    return ChatFormat(source, bos=text(model.bos), eos=text(model.eos), is_special=is_special)


def _slot_count(plan: fit.Plan, model: Model) -> int:
    """Sequence ids: one per live sequence, and in a shared cache some more for finished ones."""
    if not plan.unified or model.recurrent:
        return plan.max_sequences
    return min(plan.max_sequences * _SPARE_SLOTS, int(llama_cpp.llama_max_parallel_sequences()))


def _batch_tokens(plan: fit.Plan) -> int:
    return max(plan.batch_tokens, least_batch_tokens(plan.max_sequences))


def _context_params(plan: fit.Plan, model: Model, *, pooled: bool) -> Any:
    """The filled `llama_context_params`."""
    params = llama_cpp.llama_context_default_params()
    params.n_threads = params.n_threads_batch = plan.threads
    partly_on_card = 0 < plan.gpu_layers <= model.layers
    if plan.flash_attention is not None:
        params.flash_attn_type = int(plan.flash_attention)
    elif partly_on_card:  # llama.cpp gives it up then, and needs gigabytes for buffers instead
        params.flash_attn_type = int(True)
    params.no_perf = True
    if pooled:
        params.embeddings = True
        params.n_ctx = params.n_batch = params.n_ubatch = plan.batch_tokens
        params.n_seq_max = _POOLED_INPUTS
        params.kv_unified = True
        return params
    params.n_ctx = plan.cache_tokens if plan.unified else plan.context_length * plan.max_sequences
    params.n_batch = _batch_tokens(plan)
    params.n_ubatch = min(params.n_batch, plan.physical_batch_tokens)
    params.n_seq_max = _slot_count(plan, model)
    params.kv_unified = plan.unified
    params.swa_full = False
    return params


class Output:
    """llama.cpp's messages, and ours. The node reads this process's error output into its log."""

    def __init__(self) -> None:
        self.short_of_memory = False  # it has said so

    def __call__(self, level: str, text: str) -> None:
        if _SHORT_OF_MEMORY.search(text):
            self.short_of_memory = True
        if level != "debug":
            sys.stderr.write(text if text.endswith("\n") else text + "\n")


_OUTPUT = Output()
