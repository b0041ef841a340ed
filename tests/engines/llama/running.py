"""A model that runs its decode loop in a thread of the test, without a worker process around it."""

import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from corral.engines.engine import RequestId
from corral.engines.events import Done, Event, Failed, TextDelta
from corral.engines.gguf_file import read_model
from corral.engines.llama.engine import LlamaEngine
from corral.engines.llama.llama_model import LlamaModel
from corral.engines.model import LoadOptions
from corral.engines.requests import Request

DEADLINE_S = 240.0


class RunningModel:
    """Collects events per request."""

    def __init__(self, model: LlamaModel) -> None:
        self.model = model
        self.events: dict[RequestId, list[Event]] = {}
        self._changed = threading.Condition()
        self._ids = itertools.count(1)

    def emit(self, events: Sequence[tuple[RequestId, Event]]) -> None:
        with self._changed:
            for request_id, event in events:
                self.events.setdefault(request_id, []).append(event)
            self._changed.notify_all()

    def submit(self, request: Request) -> RequestId:
        request_id = RequestId(next(self._ids))
        self.model.submit(request_id, request)
        return request_id

    def wait(self, *ids: RequestId, kinds: tuple[type[Event], ...] = (Done, Failed)) -> list[list[Event]]:
        """Until each request has an event of one of these kinds."""

        def reached() -> bool:
            return all(any(isinstance(e, kinds) for e in self.events.get(id, [])) for id in ids)

        with self._changed:
            assert self._changed.wait_for(reached, DEADLINE_S), "the model did not answer in time"
            return [list(self.events[id]) for id in ids]

    def wait_for_idle(self) -> None:
        """Until no sequence runs or waits (the meter is updated by the loop itself)."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: self.model.numbers().active == 0 and self.model.numbers().queued == 0, DEADLINE_S
            )

    def ask(self, *requests: Request) -> list[list[Event]]:
        """All at once; returns when all are answered."""
        return self.wait(*[self.submit(request) for request in requests])

    def text(self, request: Request, *, index: int = 0) -> str:
        return text_of(self.ask(request)[0], index=index)


def text_of(events: Sequence[Event], *, index: int = 0) -> str:
    """The visible text of one choice."""
    return "".join(
        e.text for e in events if isinstance(e, TextDelta) and e.index == index and not e.reasoning
    )


def done_of(events: Sequence[Event]) -> Done:
    """The last event, which must be Done."""
    last = events[-1]
    assert isinstance(last, Done), last
    return last


@contextmanager
def running(path: Path, options: LoadOptions) -> Iterator[RunningModel]:
    """Load a file and answer until the block ends."""
    found = path.stat()
    file = read_model([path], size_bytes=found.st_size, modified_at=found.st_mtime)
    assert file is not None
    model = LlamaEngine().load(file, options, lambda fraction: None)
    runner = RunningModel(model)
    thread = threading.Thread(target=model.run, args=(runner.emit,))
    thread.start()
    try:
        yield runner
    finally:
        model.close()
        thread.join()
