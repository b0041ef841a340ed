"""A relayed stream of server-sent events, or of JSON lines: passed on event by event, so that an error can be its last one. Pure."""

from collections.abc import Iterable
from typing import Final

from corral.app.front_door.wire import Headers

_ENDS: Final = {b"text/event-stream": (b"\n\n", b"\r\n\r\n"), b"application/x-ndjson": (b"\n",)}
_MOST_HELD_BYTES: Final = 1024 * 1024  # an event longer than this is passed on in parts


def ends_of_events(headers: Headers) -> tuple[bytes, ...] | None:
    """What an event of an answer ends with; None if the answer is no such stream."""
    for name, value in headers:
        if name == b"content-type":
            return _ENDS.get(value.partition(b";")[0].strip().lower())
    return None


class CompleteEvents:
    """Holds the beginning of an event back until its end has come."""

    def __init__(self, ends: tuple[bytes, ...]) -> None:
        """`ends`: what an event can end with."""
        self._ends = ends
        self._held = b""

    def feed(self, pieces: Iterable[bytes]) -> bytes:
        """The events that are complete now."""
        data = b"".join((self._held, *pieces))
        if data.endswith(self._ends) or len(data) > _MOST_HELD_BYTES:
            self._held = b""
            return data
        end = max(data.rfind(each) + len(each) if each in data else 0 for each in self._ends)
        self._held = data[end:]
        return data[:end]

    def rest(self) -> bytes:
        """What is held; the stream has ended."""
        held, self._held = self._held, b""
        return held
