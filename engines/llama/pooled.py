"""Embeddings and reranking: models whose output is one vector or score per input, without a KV cache to keep."""

import time
from collections import deque
from collections.abc import Sequence as Listing
from dataclasses import dataclass, field

import numpy as np

from corral.engines.engine import Emit, RequestId
from corral.engines.events import Done, EmbeddingResult, Event, RerankResult
from corral.engines.llama.inbox import Inbox
from corral.engines.llama.meter import Meter
from corral.engines.llama.native import Batch, Context, Floats, Ints


@dataclass(slots=True, kw_only=True)
class PooledJob:
    """One request: tokenised inputs, and the outputs got so far, in order."""

    request_id: RequestId
    inputs: Listing[Ints]
    rank: bool  # scores instead of vectors
    dimensions: int | None = None
    outputs: list[Floats] = field(default_factory=list)
    taken: int = 0  # inputs already put into a batch


class PooledRunner:
    """Batches the inputs of all requests by tokens. `inbox` is thread-safe; the rest belongs to the thread in `run`."""

    def __init__(
        self, *, context: Context, batch_tokens: int, max_sequences: int, width: int, meter: Meter
    ) -> None:
        """`width`: numbers per output; an embedding's size, or the classes of a reranker."""
        self._context = context
        self._batch = Batch(batch_tokens)
        self._max_sequences = max_sequences
        self._meter = meter
        self.inbox: Inbox[PooledJob] = Inbox()
        self._jobs: deque[PooledJob] = deque()
        self._width = width

    def run(self, emit: Emit) -> None:
        """Evaluate batches until closed; sleeps while there is nothing to do."""
        while (settled := self._take_in()) is not None:
            events: list[tuple[RequestId, Event]] = list(settled)
            if self._jobs:
                events += self._step()
            if events:
                emit(events)

    def _take_in(self) -> list[tuple[RequestId, Event]] | None:
        mail = self.inbox.take(wait=not self._jobs, on_idle=self._meter.idle)
        if mail is None:
            return None
        self._jobs.extend(mail.work)
        self._jobs = deque(job for job in self._jobs if job.request_id not in mail.cancelled)
        self._meter.load(active=min(len(self._jobs), 1), queued=max(0, len(self._jobs) - 1), cached=0)
        return mail.settled

    def _step(self) -> Listing[tuple[RequestId, Event]]:
        """One batch: as many whole inputs as fit, in order of arrival."""
        owners: list[PooledJob] = []
        self._batch.clear()
        for job in self._jobs:
            while job.taken < len(job.inputs) and len(owners) < self._max_sequences:
                tokens = job.inputs[job.taken]
                if self._batch.size + len(tokens) > self._batch.capacity:
                    break
                self._batch.add(tokens, position=0, sequence=len(owners), outputs="all")
                owners.append(job)
                job.taken += 1
            if job.taken < len(job.inputs):
                break
        began = time.monotonic()
        self._evaluate()
        ended = time.monotonic()
        for number, job in enumerate(owners):
            job.outputs.append(self._context.pooled(number, self._width))
        self._meter.step(
            began=began,
            native_s=ended - began,
            ended=time.monotonic(),
            prompt_tokens=self._batch.size,
            generated=0,
        )
        done = [job for job in self._jobs if len(job.outputs) == len(job.inputs)]
        self._jobs = deque(job for job in self._jobs if job not in done)
        return [event for job in done for event in _answer(job)]

    def _evaluate(self) -> None:
        self._context.clear_memory()
        if not self._context.decode(self._batch):
            raise RuntimeError("an embedding batch did not fit its own context")


def _answer(job: PooledJob) -> Listing[tuple[RequestId, Event]]:
    count = sum(len(tokens) for tokens in job.inputs)
    result: Event
    if job.rank:
        result = RerankResult(scores=tuple(float(output[0]) for output in job.outputs))
    else:
        result = EmbeddingResult(vectors=tuple(_normalised(output, job.dimensions) for output in job.outputs))
    return [(job.request_id, result), (job.request_id, Done(prompt_tokens=count))]


def _normalised(vector: Floats, dimensions: int | None) -> bytes:
    """L2-normalised little-endian float32 bytes of the first `dimensions` numbers."""
    part = vector[:dimensions].astype("<f4")
    length = float(np.linalg.norm(part))
    return (part / length if length > 0 else part).astype("<f4").tobytes()
