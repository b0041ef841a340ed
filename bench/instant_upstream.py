"""An OpenAI-shaped server that costs next to nothing, so that what is in front of it is measured.

`python -m bench.instant_upstream PORT` serves until its input ends. The model `instant` answers at once, `slow` after
`DELAY_S`; a stream has `EVENTS` events, of `slow` one every `EVENT_S`.
"""

import asyncio
import json
import re
import sys
from typing import cast

from corral.app.server import loop_factory

INSTANT, SLOW = "instant", "slow"
MODELS = (INSTANT, SLOW)
DELAY_S = 0.05
EVENTS = 50
EVENT_S = 0.01
WORD = "word "
_LENGTH = re.compile(rb"(?i)\r\ncontent-length:\s*(\d+)")
_STREAM = re.compile(rb'"stream"\s*:\s*true')
_MODEL = re.compile(rb'"model"\s*:\s*"(\w+)"')
_USAGE = {"prompt_tokens": 9, "completion_tokens": EVENTS, "total_tokens": 9 + EVENTS}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _document(model: str) -> bytes:
    message = {"role": "assistant", "content": WORD * EVENTS}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model}
    return _whole(_json({**head, "choices": choices, "usage": _USAGE}))


def _whole(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    return head + body


def _events(model: str) -> list[bytes]:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}

    def event(**fields: object) -> bytes:
        return _chunk(b"data: " + _json({**head, **fields}) + b"\n\n")

    delta = {"role": "assistant", "content": WORD}
    words = [event(choices=[{"index": 0, "delta": delta, "finish_reason": None}])] * EVENTS
    end = event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
    usage = event(choices=[], usage=_USAGE)
    return [*words, end + usage + _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"]


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


_STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_DOCUMENTS = {model: _document(model) for model in MODELS}
_STREAMS = {model: _events(model) for model in MODELS}
_LIST = _whole(_json({"object": "list", "data": [{"id": model, "object": "model"} for model in MODELS]}))
_OK = _whole(b"{}")


class _Connection(asyncio.Protocol):
    """One request after the other."""

    def __init__(self) -> None:
        self._buffer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (head_end := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._buffer, 0, head_end + 2)
            end = head_end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < end:
                return
            request, self._buffer = self._buffer[:end], self._buffer[end:]
            self._answer(request, head_end)

    def _answer(self, request: bytes, head_end: int) -> None:
        if not request.startswith(b"POST"):
            self._write(_LIST if b"/models" in request[:40] else _OK)
            return
        found = _MODEL.search(request, head_end)
        model = found[1].decode() if found else INSTANT
        streamed = _STREAM.search(request, head_end) is not None
        pieces = _STREAMS[model] if streamed else [_DOCUMENTS[model]]
        if model == INSTANT:
            self._write((_STREAM_HEAD if streamed else b"") + b"".join(pieces))
            return
        loop = asyncio.get_running_loop()
        if streamed:
            self._write(_STREAM_HEAD)
        began = loop.time() + DELAY_S
        for number, piece in enumerate(pieces):
            loop.call_at(began + number * EVENT_S, self._write, piece)

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


async def serve(port: int) -> None:
    """Until the input ends."""
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", port)
    await asyncio.to_thread(sys.stdin.buffer.read)
    server.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(int(sys.argv[1])))
