"""A relayed stream of server-sent events: passed on event by event, so that an error can be its last one. Pure."""

from collections.abc import Iterable
from typing import Final

from corral.app.front_door.wire import Headers

_MEDIA_TYPE: Final = b"text/event-stream"
_ENDS: Final = (b"\n\n", b"\r\n\r\n")
_MOST_HELD_BYTES: Final = 1024 * 1024  # an event longer than this is passed on in parts


def is_event_stream(headers: Headers) -> bool:
    """Whether an answer is one."""
    return any(
        name == b"content-type" and value.strip().lower().startswith(_MEDIA_TYPE) for name, value in headers
    )


class CompleteEvents:
    """Holds the beginning of an event back until its end has come."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, pieces: Iterable[bytes]) -> bytes:
        """The events that are complete now."""
        data = b"".join((self._held, *pieces))
        if data.endswith(_ENDS) or len(data) > _MOST_HELD_BYTES:
            self._held = b""
            return data
        end = max(data.rfind(each) + len(each) if each in data else 0 for each in _ENDS)
        self._held = data[end:]
        return data[:end]

    def rest(self) -> bytes:
        """What is held; the stream has ended."""
        held, self._held = self._held, b""
        return held
