"""The child process of one loaded model: `python -m corral.engines.worker --socket N`.

    main thread      LoadedModel.run: decode steps, one Batch frame each
    reader thread    Submit and Cancel from the parent; ends the process at once when the parent is gone
    numbers thread   LiveNumbers about once a second while there is work

A parent that doesn't read stops the decode loop once the socket's buffer is full; the reader thread goes on.
"""

import argparse
import faulthandler
import importlib
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Sequence
from typing import NoReturn

import psutil

from corral.engines.engine import Engine, LoadedModel, RequestId
from corral.engines.errors import EngineError, InsufficientMemory, ModelBroken
from corral.engines.events import Event, Failed
from corral.engines.frames import (
    Batch,
    Cancel,
    FrameError,
    FrameSplitter,
    FromWorker,
    Load,
    LoadFailed,
    Numbers,
    Progress,
    Ready,
    Stop,
    Submit,
    ToWorker,
    decode_to_worker,
    encode,
)
from corral.engines.spawn import SOCKET_FLAG, connected_socket

_RECEIVE_BYTES = 256 * 1024
_NUMBERS_INTERVAL_S = 1.0
_PROGRESS_STEP = 0.01
_EXIT_BROKEN_FRAME = 3


class Worker:
    """One model's process, from its Load frame to its end."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._send_lock = threading.Lock()
        self._load_frame: Load | None = None
        self._load_arrived = threading.Event()
        self._model: LoadedModel | None = None
        self._busy = threading.Event()
        self._progress = 0.0
        self._stats = psutil.Process()

    def serve(self) -> None:
        """Load what the first frame names, then answer until told to stop."""
        threading.Thread(target=self._read_forever, name="reader", daemon=True).start()
        self._load_arrived.wait()
        assert self._load_frame is not None  # set before the event
        model = self._load(self._load_frame)
        if model is None:
            return
        self._model = model
        self._send(Ready(model.info, self._memory_bytes()))
        threading.Thread(target=self._report_numbers, name="numbers", daemon=True).start()
        model.run(self._emit)

    def _load(self, frame: Load) -> LoadedModel | None:
        try:
            return _engine(frame.engine).load(frame.file, frame.options, self._report_progress)
        except EngineError as error:
            self._send(LoadFailed(error.code, error.message))
        except MemoryError:
            traceback.print_exc()
            self._send(LoadFailed(InsufficientMemory.code, "not enough memory to load this model"))
        except Exception as error:  # noqa: BLE001 - native loaders and readers raise anything; the log says what
            traceback.print_exc()
            message = f"the engine could not load this model ({type(error).__name__}); the log says more"
            self._send(LoadFailed(ModelBroken.code, message))
        return None

    def _report_progress(self, fraction: float) -> None:
        if fraction - self._progress >= _PROGRESS_STEP:
            self._progress = fraction
            self._send(Progress(fraction))

    def _emit(self, events: Sequence[tuple[RequestId, Event]]) -> None:
        if events:
            self._send(Batch(list(events)))
            self._busy.set()  # a model may not have counted the request yet when it was submitted

    def _send(self, message: FromWorker) -> None:
        frame = encode(message)
        try:
            with self._send_lock:
                self._channel.sendall(frame)
        except OSError:
            os._exit(0)  # the parent is gone

    def _read_forever(self) -> None:
        splitter = FrameSplitter()
        try:
            while data := self._receive():
                for payload in splitter.feed(data):
                    self._handle(decode_to_worker(payload))
        except FrameError as error:
            print(f"the parent sent a broken frame: {error}", file=sys.stderr, flush=True)
            os._exit(_EXIT_BROKEN_FRAME)
        os._exit(0)  # the parent is gone; a native call may hold the main thread, so nothing gentler would do

    def _receive(self) -> bytes:
        try:
            return self._channel.recv(_RECEIVE_BYTES)
        except OSError:
            return b""

    def _handle(self, message: ToWorker) -> None:
        model = self._model
        match message:
            case Load():
                self._load_frame = message
                self._load_arrived.set()
            case Stop():
                if model is None:
                    os._exit(0)  # still loading: nothing to give back that the system doesn't
                model.close()
            case Submit() if model is not None:
                self._submit(model, message)
            case Cancel() if model is not None:
                model.cancel(message.id)
            case _:
                raise FrameError("a request before the model was loaded")

    def _submit(self, model: LoadedModel, message: Submit) -> None:
        try:
            model.submit(message.id, message.request)
        except Exception as error:  # noqa: BLE001 - one odd request must not end the others
            traceback.print_exc()
            failure = error if isinstance(error, EngineError) else None
            self._emit([(message.id, _failed(failure))])
        self._busy.set()

    def _report_numbers(self) -> None:
        pause = threading.Event()
        assert self._model is not None  # started after loading
        while self._busy.wait():
            self._busy.clear()
            live = self._model.numbers()
            self._send(Numbers(live, self._memory_bytes()))
            if live.active or live.queued:
                self._busy.set()
            pause.wait(_NUMBERS_INTERVAL_S)

    def _memory_bytes(self) -> int:
        return int(self._stats.memory_info().rss)


def _failed(error: EngineError | None) -> Failed:
    if error is None:
        return Failed(
            code=EngineError.code, message="the engine could not take this request; the log says more"
        )
    return Failed(code=error.code, message=error.message, param=error.param)


def _engine(path: str) -> Engine:
    """The engine that "module:Class" names."""
    module, _, name = path.partition(":")
    engine: Engine = getattr(importlib.import_module(module), name)()
    return engine


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Be a worker; ends the process."""
    parser = argparse.ArgumentParser(
        prog="corral-worker", description="Serves one model to the process that started it."
    )
    parser.add_argument(SOCKET_FLAG, required=True)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when we end
    if sys.stderr is not None:  # a windowed program may have none
        faulthandler.enable()  # a native crash leaves a trace in the log
    try:
        Worker(connected_socket(options.socket)).serve()
    except BaseException:  # noqa: BLE001 - whatever it is, the parent learns of it by our end; the log says what
        traceback.print_exc()
        _exit_now(1)
    _exit_now(0)


def _exit_now(code: int) -> NoReturn:
    """Leave without native destructors, which can hang or crash when a device is busy."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # a windowed program may have none
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
