"""An engine without a model: it answers with the prompt's own words, one word per step and sequence.

It ships because tests of everything above an engine need one that behaves like the real thing without its weight: a
process of its own, many sequences in one step, cancel, crashes on request. Its "model files" are `NAME.echo`: empty,
or a JSON object with the fields of `EchoSettings`.
"""

import os
import sys
import threading
import time
from pathlib import Path

import msgspec

from corral.engines.echo_answers import EchoAnswer, answer_to, result_for
from corral.engines.engine import Emit, Progress, RequestId
from corral.engines.errors import EngineError, ModelBroken
from corral.engines.events import Done, Event, Failed, Started, TextDelta
from corral.engines.model import Capability, LiveNumbers, LoadedInfo, LoadOptions, ModelFile
from corral.engines.requests import EmbeddingRequest, Request, RerankRequest, TokenCountRequest

FORMAT = "echo"
SUFFIX = ".echo"
_CRASH_EXIT = 134
_PROGRESS_STEPS = 10


class EchoSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an `.echo` file may say."""

    tokens_per_s: float | None = None  # per sequence; None = as fast as it goes
    crash_after_tokens: int | None = None  # end the process, as a native fault would
    load_seconds: float = 0.0
    load_error: str | None = None  # loading fails with this message
    context_length: int = 8192
    max_sequences: int = 16
    size_bytes: int | None = None  # what the file pretends to weigh
    gpu_memory_bytes: int = 0  # what it pretends to take on graphics cards
    capabilities: frozenset[Capability] = frozenset(
        {Capability.CHAT, Capability.COMPLETION, Capability.EMBEDDINGS, Capability.RERANK}
    )


def read_settings(path: Path) -> EchoSettings:
    """The settings in an `.echo` file. Raises ModelBroken, OSError."""
    text = path.read_bytes().strip()
    try:
        return msgspec.json.decode(text or b"{}", type=EchoSettings)
    except msgspec.DecodeError as error:
        raise ModelBroken(f"this echo model's settings can't be read: {error}") from error


class EchoEngine:
    """Engine for `.echo` files."""

    def can_load(self, file: ModelFile) -> bool:
        return file.format == FORMAT

    def load(self, file: ModelFile, options: LoadOptions, progress: Progress) -> "EchoModel":
        """Raises ModelBroken."""
        try:
            settings = read_settings(file.paths[0])
        except OSError as error:
            raise ModelBroken("this echo model's file can't be read") from error
        for step in range(_PROGRESS_STEPS):
            progress((step + 0.5) / _PROGRESS_STEPS)
            time.sleep(settings.load_seconds / _PROGRESS_STEPS)
        if settings.load_error is not None:
            raise ModelBroken(settings.load_error)
        progress(1.0)
        print(f"echo model {file.name} loaded", file=sys.stderr, flush=True)
        return EchoModel(settings, options)


class EchoModel:
    """A loaded echo model."""

    def __init__(self, settings: EchoSettings, options: LoadOptions) -> None:
        self._settings = settings
        self._options = options
        self._context_length = options.context_length or settings.context_length
        self._max_sequences = options.max_sequences or settings.max_sequences
        self._changed = threading.Condition()
        self._waiting: dict[RequestId, Request] = {}
        self._active: dict[RequestId, EchoAnswer] = {}
        self._closed = False
        self._steps = 0
        self._tokens = 0
        self._rate = 0.0

    @property
    def info(self) -> LoadedInfo:
        return LoadedInfo(
            capabilities=self._settings.capabilities,
            context_length=self._context_length,
            cache_tokens=self._context_length * self._max_sequences,
            max_sequences=self._max_sequences,
            batch_tokens=self._max_sequences,
            threads=1,
            gpu_layers=0,
            flash_attention=False,
            vocabulary_size=0,
            gpu_memory_bytes=self._settings.gpu_memory_bytes,
            description="echo",
        )

    def submit(self, request_id: RequestId, request: Request) -> None:
        with self._changed:
            self._waiting[request_id] = request
            self._changed.notify()

    def cancel(self, request_id: RequestId) -> None:
        with self._changed:
            self._waiting.pop(request_id, None)
            self._active.pop(request_id, None)

    def numbers(self) -> LiveNumbers:
        with self._changed:
            rate = self._rate if self._active else 0.0
            return LiveNumbers(
                active=len(self._active), queued=len(self._waiting), tokens_per_s=rate, steps=self._steps
            )

    def run(self, emit: Emit) -> None:
        while True:
            started = time.monotonic()
            with self._changed:
                while not (self._closed or self._waiting or self._active):
                    self._changed.wait()
                if self._closed:
                    return
                events, tokens = self._step()
            emit(events)
            self._pace(started, tokens)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _pace(self, started: float, tokens: int) -> None:
        """Keep to the wanted speed; a cancel or close doesn't wait for it."""
        if self._settings.tokens_per_s:
            due = started + 1 / self._settings.tokens_per_s
            with self._changed:
                self._changed.wait_for(lambda: self._closed, timeout=max(0.0, due - time.monotonic()))
        elapsed = time.monotonic() - started
        self._rate = tokens / elapsed if elapsed > 0 else 0.0

    def _step(self) -> tuple[list[tuple[RequestId, Event]], int]:
        """Admit what waits, then one word of every sequence."""
        events: list[tuple[RequestId, Event]] = []
        while self._waiting and len(self._active) < self._max_sequences:
            request_id = next(iter(self._waiting))
            request = self._waiting.pop(request_id)
            events += [(request_id, event) for event in self._admit(request_id, request)]
        tokens = 0
        for request_id, answer in list(self._active.items()):
            step = answer.step()
            tokens += sum(type(event) is TextDelta for event in step)
            events += [(request_id, event) for event in step]
            if type(step[-1]) is Done:
                del self._active[request_id]
        self._steps += 1
        self._count(tokens)
        return events, tokens

    def _admit(self, request_id: RequestId, request: Request) -> list[Event]:
        try:
            if isinstance(request, EmbeddingRequest | RerankRequest | TokenCountRequest):
                return result_for(request)
            answer = answer_to(request, self._context_length)
        except EngineError as error:
            return [Failed(code=error.code, message=error.message, param=error.param)]
        self._active[request_id] = answer
        return [Started(prompt_tokens=answer.prompt_tokens, cached_tokens=0)]

    def _count(self, tokens: int) -> None:
        self._tokens += tokens
        limit = self._settings.crash_after_tokens
        if limit is not None and self._tokens >= limit:
            print(f"crashing after {self._tokens} tokens, as told", file=sys.stderr, flush=True)
            os._exit(_CRASH_EXIT)
