"""Reads a chat's or completion's server-sent events while they go by: bytes in, whole events out. Pure.

Most pieces are looked through for a few words only; JSON is parsed where one of them stands.
"""

import re
from typing import Any

import orjson

from corral.app.upstream.usage import read_chunk
from corral.engines.events import Done

MOST_HELD_BYTES = 4 * 1024 * 1024  # an event longer than this is passed on in parts
_ENDS = (b"\n\n", b"\r\n\r\n")
_BETWEEN = re.compile(rb"(?<=\n\n)|(?<=\r\n\r\n)")
_USAGE = re.compile(rb'"usage"\s*:\s*\{')
_ERROR = re.compile(rb'"error"\s*:\s*[{"]')
_SAID = re.compile(rb'"(?:content|reasoning_content|reasoning|text|arguments|name)"\s*:\s*"[^"]')
MODEL_FIELD = re.compile(rb'"model"\s*:\s*("(?:[^"\\]|\\.)*")')  # inside a text its quotes have backslashes
_FINISHED = re.compile(rb'"finish_reason"\s*:\s*"')


class StreamReading:
    """Of one answer. `drop_usage`: the client didn't ask for it. `model`: what its client calls the model.

    Whatever the server calls it, a file of its own perhaps, is not for clients to see.
    """

    def __init__(self, *, drop_usage: bool = False, model: str | None = None) -> None:
        self._held = b""
        self._drop_usage = drop_usage
        self._model = model  # None: not to be renamed, or it is known how
        self._names: tuple[tuple[bytes, bytes], ...] = ()
        self._last: tuple[bytes, bytes] = (b"", b"")
        self._events = 0  # since the first token
        self.said = False  # the first token has come
        self.usage: Done | None = None
        self.error: dict[str, Any] | None = None
        self.ended = False  # [DONE] has come

    @property
    def complete(self) -> bool:
        """Whether the answer came to its end."""
        return self.ended or any(_FINISHED.search(each) for each in self._last)

    @property
    def tokens(self) -> int:
        """About how many were generated, where nobody says."""
        return max(0, self._events - (2 if self.ended else 0))

    def feed(self, piece: bytes) -> bytes:
        """The events that are complete now, as the client gets them."""
        data = self._held + piece if self._held else piece
        if data.endswith(_ENDS) or len(data) > MOST_HELD_BYTES:
            self._held = b""
        else:
            end = max(data.rfind(each) + len(each) if each in data else 0 for each in _ENDS)
            self._held = data[end:]
            data = data[:end]
        return self._seen(data) if data else b""

    def rest(self) -> bytes:
        """What is held; the stream has ended."""
        held, self._held = self._held, b""
        return self._seen(held) if held else b""

    def _seen(self, data: bytes) -> bytes:
        if not self.said and _SAID.search(data):
            self.said = True
        if self.said:
            self._events += data.count(b"data:")
        if b'"error"' in data and self.error is None:
            data = self._before_error(data)
        if b"[DONE]" in data[-24:]:
            self.ended = True
        if b'"usage"' in data and _USAGE.search(data):
            data = self._without_usage(data)
        self._last = (self._last[1], data)
        if self._model is not None and (found := MODEL_FIELD.search(data)) is not None:
            self._names, self._model = _model_fields(found[1], orjson.dumps(self._model)), None
        for there, here in self._names:
            data = data.replace(there, here)
        return data

    def _before_error(self, data: bytes) -> bytes:
        """What comes before an error event, which is told in our own words."""
        before: list[bytes] = []
        for event in _BETWEEN.split(data):
            self.error = _error(event)
            if self.error is not None:
                return b"".join(before)
            before.append(event)
        return data

    def _without_usage(self, data: bytes) -> bytes:
        kept: list[bytes] = []
        for event in _BETWEEN.split(data):
            if _USAGE.search(event):
                chunk = read_chunk(_data_of(event))
                self.usage = chunk.done or self.usage
                if self._drop_usage and chunk.usage is not None and not chunk.choices:
                    continue
            kept.append(event)
        return b"".join(kept)


def _data_of(event: bytes) -> bytes:
    lines = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
    return b"\n".join(lines)


def _error(event: bytes) -> dict[str, Any] | None:
    """OpenAI's error object, if the event is one."""
    if not _ERROR.search(event):
        return None
    try:
        value = orjson.loads(_data_of(event))
    except orjson.JSONDecodeError:
        return None
    error = value.get("error") if isinstance(value, dict) else None
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else None


def _model_fields(there: bytes, here: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """What to replace, in both ways to write JSON; nothing where the names are the same."""
    if there == here:
        return ()
    return tuple((b'"model":%b%b' % (space, there), b'"model":%b%b' % (space, here)) for space in (b"", b" "))
