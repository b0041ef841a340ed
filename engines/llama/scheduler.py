"""The decode loop: takes requests in, evaluates one batch per step, hands every sequence's new text out."""

import time
from collections import deque
from collections.abc import Sequence as Listing
from dataclasses import dataclass

from corral.engines.engine import Emit, RequestId
from corral.engines.errors import InsufficientMemory, UnsupportedSchema
from corral.engines.events import Done, Event, Failed, Finished, FinishReason, Started, TextDelta
from corral.engines.llama.inbox import Inbox
from corral.engines.llama.logprobs import token_logprob
from corral.engines.llama.meter import Meter
from corral.engines.llama.native import Batch, Context, Floats, Model
from corral.engines.llama.plan import Demand, Share, passes, plan_step, prefill_budget
from corral.engines.llama.prefix import WORTH_COPYING, common_prefix
from corral.engines.llama.sequence import Job, Sequence
from corral.engines.llama.slots import SlotTable

_LOOK_AHEAD = 32  # waiting sequences that one step looks at
_TOO_COMPLEX = "this schema or grammar became too complex while the answer was written; simplify it"
_NO_ROOM = "the model's KV cache has no room for this request; raise cache_tokens in its settings"
_SCORING_CHUNK = 64  # prompt tokens per step when each one's logits are wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the loop may use at once."""

    batch_tokens: int  # tokens per decode call
    max_sequences: int  # live sequences
    cache_tokens: int  # KV cells
    unified: bool  # cells are shared by all sequences


class Scheduler:
    """Continuous batching over one context. `inbox` is thread-safe; everything else belongs to the thread in `run`."""

    def __init__(
        self, *, model: Model, context: Context, slots: SlotTable, limits: Limits, meter: Meter
    ) -> None:
        self._model = model
        self._context = context
        self._slots = slots
        self._limits = limits
        self._meter = meter
        self._batch = Batch(limits.batch_tokens)
        self.inbox: Inbox[Listing[Sequence]] = Inbox()  # requests as their choices, which share one Job
        self._waiting: deque[Sequence] = deque()
        self._running: list[Sequence] = []  # oldest first
        self._out: list[tuple[RequestId, Event]] = []

    def run(self, emit: Emit) -> None:
        """Step until closed; sleeps while there is nothing to do."""
        while self._take_in():
            self._admit()
            if self._running:
                self._step()
            if self._out:
                events, self._out = self._out, []
                emit(events)
            self._slots.tidy()

    def _take_in(self) -> bool:
        """Move new and cancelled requests in; wait for some if idle. False: closed."""
        mail = self.inbox.take(wait=not (self._running or self._waiting), on_idle=self._meter.idle)
        if mail is None:
            return False
        self._out.extend(mail.settled)
        for choices in mail.work:
            self._waiting.extend(choices)
        if mail.cancelled:
            self._drop(mail.cancelled)
        self._meter.load(
            active=len(self._running), queued=len(self._waiting), cached=self._slots.cached_tokens
        )
        return True

    def _drop(self, cancelled: frozenset[RequestId]) -> None:
        for sequence in [s for s in self._running if s.job.request_id in cancelled]:
            self._retire(sequence)
        for sequence in [s for s in self._waiting if s.job.request_id in cancelled]:
            self._waiting.remove(sequence)
            sequence.sampler.close()

    def _admit(self) -> None:
        """Start waiting sequences, oldest first, while there is room for them."""
        for sequence in list(self._waiting)[:_LOOK_AHEAD]:
            if len(self._running) >= self._limits.max_sequences or not self._fits(sequence):
                return
            if self._prefix_is_coming(sequence):
                continue
            if not self._slots.admit(sequence):
                return
            self._waiting.remove(sequence)
            self._running.append(sequence)
            if not sequence.job.started:
                sequence.job.cached_tokens = max(sequence.job.cached_tokens, sequence.evaluated)

    def _fits(self, sequence: Sequence) -> bool:
        if not self._limits.unified or not self._running:
            return True
        used = sum(running.size for running in self._running)
        return used + sequence.size < self._limits.cache_tokens

    def _prefix_is_coming(self, sequence: Sequence) -> bool:
        """A running sequence is just reading a prefix that this one could take over: waiting beats reading it twice."""
        if self._model.recurrent or sequence.repeatable:
            return False
        prompt = sequence.known[:-1]
        coming = max(
            (
                match
                for running in self._running
                if not running.generating
                and (match := common_prefix(prompt, running.known)) > running.evaluated + WORTH_COPYING
            ),
            default=0,
        )
        return coming > 0 and coming > self._slots.best_match(prompt) + WORTH_COPYING

    def _step(self) -> None:
        """Evaluate what the plan says and sample every sequence whose known tokens are all evaluated."""
        began = time.monotonic()
        native_s, evaluated, generated = 0.0, 0, 0
        shares = self._plan()
        for group in passes(shares, unified=self._limits.unified):
            outputs = self._fill(group)
            if not outputs:
                continue
            started = time.monotonic()
            while not self._context.decode(self._batch):
                if not self._slots.evict():
                    self._preempt(self._running[-1])
                    return
            ended = time.monotonic()
            native_s += ended - started
            evaluated += self._batch.size
            generated += self._take_results(outputs, ended)
        self._meter.step(
            began=began,
            native_s=native_s,
            ended=time.monotonic(),
            prompt_tokens=evaluated - sum(share.count == 1 for share in shares),
            generated=generated,
        )

    def _take_results(self, outputs: Listing[tuple[Sequence, Share, int]], now: float) -> int:
        """Note what was evaluated and sample; returns how many tokens were generated."""
        generated = 0
        for sequence, share, index in outputs:
            if sequence.slot is None:  # ended by a sibling's failure in this very pass
                continue
            first = sequence.evaluated
            sequence.evaluated += share.count
            if sequence.score_prompt and first < sequence.prompt_size:
                self._score(sequence, first, share.count, index)
            if share.complete:
                generated += 1
                self._sample(sequence, index, now)
        return generated

    def _plan(self) -> list[Share]:
        demands = [
            Demand(
                s.key,
                s.pending,
                s.generating,
                _SCORING_CHUNK if s.score_prompt else None,
            )
            for s in self._running
        ]
        budget = prefill_budget(
            batch_tokens=self._limits.batch_tokens,
            generating=sum(demand.generating for demand in demands),
            tokens_per_s=self._meter.prefill_tokens_per_s,
        )
        return plan_step(demands, batch_tokens=self._limits.batch_tokens, budget=budget)

    def _fill(self, shares: Listing[Share]) -> list[tuple[Sequence, Share, int]]:
        """Build the batch in slot order (llama.cpp joins neighbouring ids into one pass)."""
        by_key = {sequence.key: sequence for sequence in self._running}
        self._batch.clear()
        outputs = []
        live = [share for share in shares if share.key in by_key]  # an earlier pass may have ended some
        for share in sorted(live, key=lambda share: by_key[share.key].slot or 0):
            sequence = by_key[share.key]
            start = sequence.evaluated
            wanted = (
                "all"
                if sequence.score_prompt and not sequence.generating
                else "last"
                if share.complete
                else "none"
            )
            index = self._batch.add(
                sequence.tokens[start : start + share.count],
                position=start,
                sequence=sequence.slot or 0,
                outputs=wanted,
            )
            outputs.append((sequence, share, index))
        return outputs

    def _score(self, sequence: Sequence, first: int, count: int, index: int) -> None:
        """Log-probabilities of the prompt tokens that follow the evaluated ones (echo)."""
        for offset in range(count):
            following = first + offset + 1
            if following < sequence.prompt_size:
                logits = self._context.logits(index - count + 1 + offset)
                token = int(sequence.tokens[following])
                entry = token_logprob(logits, token, sequence.top_logprobs or 0, sequence.answer.piece)
                sequence.answer.score_prompt(entry)

    def _sample(self, sequence: Sequence, index: int, now: float) -> None:
        job = sequence.job
        if not job.started:
            job.started = True
            self._emit(job, Started(prompt_tokens=job.prompt_tokens, cached_tokens=job.cached_tokens))
        if sequence.generated == 0 and job.echo:
            self._emit(
                job,
                TextDelta(index=sequence.index, text=job.echo, logprobs=sequence.answer.prompt_logprobs()),
            )
        if sequence.limit == 0:
            self._finish(sequence, "length")
            return
        logits = self._context.logits(index)
        raw = logits.copy() if sequence.mask is not None and sequence.top_logprobs is not None else logits
        if sequence.mask is not None:
            sequence.mask.apply_mask(logits)
            if sequence.mask.error:
                self._fail(
                    job, Failed(code=UnsupportedSchema.code, message=_TOO_COMPLEX, param="response_format")
                )
                return
        token = sequence.sampler.pick(self._context, index, logits)
        self._meter.token(sequence.token_at, now)
        sequence.token_at = now
        self._accept(sequence, token, raw)

    def _accept(self, sequence: Sequence, token: int, logits: Floats) -> None:
        """Take a drawn token: show its text, and end the sequence where it ends."""
        sequence.append(token)
        sequence.job.completion_tokens += 1
        if self._model.is_end(token):
            self._finish(sequence, "stop")
            return
        if sequence.mask is not None:
            sequence.mask.consume(token)
        if sequence.top_logprobs is not None:
            sequence.answer.add_logprob(
                token_logprob(logits, token, sequence.top_logprobs, sequence.answer.piece)
            )
        for event in sequence.answer.feed(token):
            self._emit(sequence.job, event)
        if sequence.answer.stopped or (sequence.mask is not None and sequence.mask.is_complete):
            self._finish(sequence, "stop")
        elif sequence.generated >= sequence.limit:
            self._finish(sequence, "length")

    def _finish(self, sequence: Sequence, reason: FinishReason) -> None:
        job = sequence.job
        for event in sequence.answer.finish():
            self._emit(job, event)
        stop = sequence.answer.stop_string if reason == "stop" else None
        if sequence.answer.called_tools and reason == "stop":
            reason = "tool_calls"
        self._emit(job, Finished(index=sequence.index, reason=reason, stop=stop))
        job.reasoning_tokens += sequence.answer.reasoning_tokens
        self._retire(sequence)
        job.open_choices -= 1
        if job.open_choices == 0:
            self._emit(
                job,
                Done(
                    prompt_tokens=job.prompt_tokens,
                    completion_tokens=job.completion_tokens,
                    cached_tokens=job.cached_tokens,
                    reasoning_tokens=job.reasoning_tokens,
                ),
            )

    def _fail(self, job: Job, failure: Failed) -> None:
        """End a request with an error, with all its choices."""
        self._drop(frozenset({job.request_id}))
        self._emit(job, failure)

    def _retire(self, sequence: Sequence) -> None:
        self._running.remove(sequence)
        self._slots.release(sequence)
        sequence.sampler.close()

    def _preempt(self, sequence: Sequence) -> None:
        """The cache is full of live sequences: the youngest gives its place up and is read again later."""
        if len(self._running) == 1:
            self._fail(sequence.job, Failed(code=InsufficientMemory.code, message=_NO_ROOM))
            return
        self._running.remove(sequence)
        self._slots.release(sequence)
        self._slots.evict()
        sequence.evaluated = 0
        self._waiting.appendleft(sequence)

    def _emit(self, job: Job, event: Event) -> None:
        self._out.append((job.request_id, event))
